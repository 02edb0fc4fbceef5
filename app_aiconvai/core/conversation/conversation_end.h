/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How a conversation ends: by whom, when at the latest, and what is still heard.
 */
#ifndef AIC_CONVERSATION_END_H
#define AIC_CONVERSATION_END_H

#include "outcome.h"

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

struct aic_ending {
	bool agent_ends; /* the agent has decided so */
	uint64_t due_us; /* when we close then, if the service does not; UINT64_MAX: not */
};

/* The agent decided to end: the service may take a while to close. */
void aic_conversation_agent_ends(struct aic_conversation *conversation);

/* What was said and was kept to be told as a whole is told now: the session is over. */
void aic_conversation_tell_rest(struct aic_conversation *conversation);

/* Ends the conversation, once. */
void aic_conversation_finish(struct aic_conversation *conversation, enum aic_status status, uint16_t close_code,
	const char *reason);

/* Has the host drop what this side has open, politely where the WebSocket is up. */
void aic_conversation_leave(struct aic_conversation *conversation);

/* Closes where the service has not. */
uint64_t aic_ending_due(const struct aic_conversation *conversation);
bool aic_ending_attend(struct aic_conversation *conversation);

/* Ends what lasts as long as a call may. */
uint64_t aic_duration_due(const struct aic_conversation *conversation);
bool aic_duration_attend(struct aic_conversation *conversation);

#endif
