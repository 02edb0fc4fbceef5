/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "provider_port.h"

#include <stdio.h>

static void tell(struct aic_conversation *conversation, uint64_t lasted_us)
{
	const struct aic_listening *listening = &conversation->listening;

	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_LISTENING,
		.listening = {.to = listening->to, .is_on = listening->is_on, .lasted_ms = lasted_us / US_PER_MS}});
}

int aic_conversation_listen(struct aic_conversation *conversation, const char *id, uint64_t now_us)
{
	struct aic_tool_call *call = aic_tools_find_awaited(conversation, id);
	struct aic_listening *listening = &conversation->listening;
	struct aic_interruption removed;
	char text[AIC_TRANSFER_MAX + 160];

	conversation->now_us = now_us;
	if (!call || !call->destination || listening->is_on) {
		return -1;
	}
	listening->since_us = now_us;
	snprintf(listening->to, sizeof(listening->to), "%.*s", (int) aic_entry_name_length(call->destination),
		call->destination);
	snprintf(text, sizeof(text), "%s has taken the call and speaks with the caller. You hear both of them, and they do "
		"not hear you: say nothing until you are told that they have spoken.", listening->to);
	/* Nothing that the agent has still to say comes between the two. */
	if (!aic_playout_queue_is_empty(conversation->playout)) {
		aic_conversation_interrupt(conversation, conversation->downlink.last_event_id, &removed);
	}
	listening->is_on = true;
	aic_idle_pause(conversation);
	aic_conversation_tool_result(conversation, id, text, false, true);
	tell(conversation, 0);
	return 0;
}

void aic_conversation_stop_listening(struct aic_conversation *conversation, uint64_t now_us)
{
	struct aic_listening *listening = &conversation->listening;
	char text[AIC_TRANSFER_MAX + 80];

	conversation->now_us = now_us;
	if (!listening->is_on || conversation->phase == AIC_PHASE_ENDED) {
		return;
	}
	listening->is_on = false;
	aic_idle_resume(conversation);
	tell(conversation, now_us - listening->since_us);
	snprintf(text, sizeof(text), "%s has spoken with the caller, and is gone. The caller is with you again.",
		listening->to);
	/* A service without a message that is answered is at least told. */
	if (aic_conversation_user_message(conversation, text)) {
		aic_conversation_context(conversation, text);
	}
}

bool aic_listening_keeps_silent(struct aic_conversation *conversation, int64_t event_id)
{
	struct aic_downlink *downlink = &conversation->downlink;

	/* The rest of an answer of which the beginning was not heard is not heard either. */
	if (conversation->listening.is_on && event_id > downlink->interrupted_id) {
		downlink->interrupted_id = event_id;
	}
	return conversation->listening.is_on;
}
