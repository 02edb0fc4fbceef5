/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Audio of the line that the service does not get yet, and perhaps never.
 */
#ifndef AIC_HELD_BACK_H
#define AIC_HELD_BACK_H

#include "buffer.h"

#include <stddef.h>
#include <stdint.h>

struct aic_conversation;

/* Keeps whole samples in the line's format, the newest `most_ms`; silence goes to the service in the place of older. */
void aic_hold_back(struct aic_conversation *conversation, struct aic_buffer *kept, uint32_t most_ms,
	const uint8_t *bytes, size_t length);

#endif
