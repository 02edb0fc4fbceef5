/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include <stdio.h>
#include <strings.h>

/* A service may take so long to answer our close. */
#define CLOSE_US (1 * US_PER_SECOND)

/* Whether the agent may hand over to that one. */
static bool is_allowed(const struct aic_conversation *conversation, const char *name)
{
	const struct aic_string_list *names = &conversation->settings->hand_over_to;

	for (size_t i = 0; name && i < names->count; i++) {
		if (!strcasecmp(names->items[i], name)) {
			return true;
		}
	}
	return false;
}

const char *aic_conversation_choose_agent(struct aic_conversation *conversation, const char *name)
{
	struct aic_hand_over *hand_over = &conversation->hand_over;

	if (!is_allowed(conversation, name)) {
		return "There is no such agent; the tool's description has those that there are.";
	}
	if (!conversation->choose_agent) {
		return "This tool cannot be run in this call.";
	}
	if (!conversation->choose_agent(conversation->user, name, &hand_over->next, hand_over->refusal)) {
		return hand_over->refusal;
	}
	hand_over->wanted = true;
	return NULL;
}

void aic_conversation_hand_over(struct aic_conversation *conversation)
{
	struct aic_hand_over *hand_over = &conversation->hand_over;

	hand_over->wanted = false;
	conversation->tools_at_work.end_called_us = UINT64_MAX;
	aic_conversation_leave(conversation);
	aic_conversation_forget_session(conversation);
	conversation->attempts.takes_over = &hand_over->next;
	conversation->resumes = true;
	conversation->reopen.losses = 0;
	aic_conversation_open_another(conversation, conversation->now_us + CLOSE_US);
	hand_over->first_session = conversation->stats.reopenings;
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_HANDED_OVER});
}

bool aic_conversation_hand_over_now(struct aic_conversation *conversation)
{
	if (!conversation->hand_over.wanted) {
		return false;
	}
	aic_conversation_hand_over(conversation);
	/* There is nothing to be closed any more, and so nothing to wait for. */
	conversation->close_pending = false;
	conversation->attempts.due_us = conversation->now_us;
	return true;
}
