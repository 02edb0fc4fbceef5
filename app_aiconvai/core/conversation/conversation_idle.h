/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A caller who says nothing is asked, then said goodbye to.
 */
#ifndef AIC_CONVERSATION_IDLE_H
#define AIC_CONVERSATION_IDLE_H

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

uint64_t aic_idle_due(const struct aic_conversation *conversation);
bool aic_idle_attend(struct aic_conversation *conversation);

#endif
