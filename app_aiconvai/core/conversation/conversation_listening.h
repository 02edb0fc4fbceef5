/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * An agent that has had somebody rung may stay while that one speaks with the caller: it hears both, and is heard by
 * neither. Once they have spoken the caller is with the agent again, which knows what was said.
 */
#ifndef AIC_CONVERSATION_LISTENING_H
#define AIC_CONVERSATION_LISTENING_H

#include "outcome.h"

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

struct aic_listening {
	bool is_on;
	uint64_t since_us;
	char to[AIC_TRANSFER_MAX]; /* whom the caller speaks with, as in transfer_to_NAME */
};

/* Audio of the agent came, of that event id. Returns whether nobody is to hear it. */
bool aic_listening_keeps_silent(struct aic_conversation *conversation, int64_t event_id);

#endif
