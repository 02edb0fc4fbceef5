/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * When a caller may interrupt the agent: a legal notice, or the first words of a turn, may have to be heard.
 */
#ifndef AIC_CONVERSATION_INTERRUPTION_H
#define AIC_CONVERSATION_INTERRUPTION_H

#include <stdbool.h>

struct aic_conversation;

/* Whether what the agent says now may be interrupted. */
bool aic_interruption_is_allowed(const struct aic_conversation *conversation);

#endif
