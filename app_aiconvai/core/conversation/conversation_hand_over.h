/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * An agent hands the conversation over to another one (the tool transfer_to_agent): it has said all that it had to say,
 * its session is closed, and that of the other begins with what was said.
 */
#ifndef AIC_CONVERSATION_HAND_OVER_H
#define AIC_CONVERSATION_HAND_OVER_H

#include "conversation.h"

struct aic_hand_over {
	bool wanted; /* once the agent has said all that it had to say */
	struct aic_agent_choice next;
	char refusal[AIC_REASON_MAX]; /* the last one */
	uint64_t first_session; /* which connection (stats.reopenings) was the present agent's first */
};

/* The agent wants that. Returns NULL, or a sentence for it that says why not. Valid until the next call. */
const char *aic_conversation_choose_agent(struct aic_conversation *conversation, const char *name);

/* Does it. */
void aic_conversation_hand_over(struct aic_conversation *conversation);

/* Does it at once, where it was to be done: the connection is gone. Returns whether it was. */
bool aic_conversation_hand_over_now(struct aic_conversation *conversation);

#endif
