/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * An event that outlives the callback it was told in: for hosts whose listener is another thread.
 */
#ifndef AIC_EVENT_COPY_H
#define AIC_EVENT_COPY_H

#include "conversation.h"

/*
 * The event with everything it points to, in one piece of memory, which free() frees. `bytes` is how many it has.
 * Returns NULL when memory is short.
 */
struct aic_event *aic_event_copy(const struct aic_event *event, size_t *bytes);

#endif
