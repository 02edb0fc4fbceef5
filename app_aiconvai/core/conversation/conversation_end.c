/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* After the agent said that it ends: how long the service may take to close before we do. */
#define AGENT_ENDS_GRACE_US (5 * US_PER_SECOND)

void aic_conversation_agent_ends(struct aic_conversation *conversation)
{
	if (conversation->phase == AIC_PHASE_ACTIVE && !conversation->ending.agent_ends) {
		conversation->ending.agent_ends = true;
		conversation->ending.due_us = conversation->now_us + AGENT_ENDS_GRACE_US;
	}
}

uint64_t aic_duration_due(const struct aic_conversation *conversation)
{
	uint64_t limit = (uint64_t) conversation->settings->call_duration_limit_seconds * US_PER_SECOND;

	return limit ? conversation->begun_us + limit : UINT64_MAX;
}

/* What is still heard after the end is heard within the time that the call may last, too. */
static void cut_at_limit(struct aic_conversation *conversation)
{
	uint64_t due_us = aic_duration_due(conversation);
	char text[AIC_REASON_MAX];

	if (!conversation->outcome.play_out || due_us == UINT64_MAX) {
		return;
	}
	if (aic_playout_queue_cut(conversation->playout, due_us > conversation->now_us
		? (due_us - conversation->now_us) / US_PER_MS : 0)) {
		snprintf(text, sizeof(text), "what the agent said last is not heard to its end: call_duration_limit_seconds "
			"(%d s)",
			(int) conversation->settings->call_duration_limit_seconds);
		aic_conversation_tell_error(conversation, text);
	}
}

void aic_conversation_tell_rest(struct aic_conversation *conversation)
{
	if (conversation->phase == AIC_PHASE_ACTIVE && conversation->provider->tell_rest) {
		conversation->provider->tell_rest(conversation);
	}
}

/* With what stood in the way of the conversation, if there is room for both. */
static void set_reason(struct aic_conversation *conversation, const char *reason)
{
	char *to = conversation->outcome.reason;
	const char *trouble = conversation->troubles.text;
	size_t length;

	aic_utf8_line(to, AIC_REASON_MAX, reason);
	length = strlen(to);
	if (trouble[0] && length + strlen(trouble) + strlen("; ") < AIC_REASON_MAX) {
		snprintf(to + length, AIC_REASON_MAX - length, "; %s", trouble);
	}
}

void aic_conversation_finish(struct aic_conversation *conversation, enum aic_status status, uint16_t close_code,
	const char *reason)
{
	struct aic_conversation_stats stats;

	if (conversation->phase == AIC_PHASE_ENDED) {
		return;
	}
	if (conversation->outcome.play_out) {
		aic_conversation_audio_has_ended(conversation);
	}
	aic_interruption_withdraw(conversation);
	aic_conversation_tell_rest(conversation);
	conversation->phase = AIC_PHASE_ENDED;
	conversation->attempts.due_us = conversation->ending.due_us = UINT64_MAX;
	conversation->open_pending = false;
	aic_marks_forget(&conversation->marks);
	conversation->outcome.status = status;
	conversation->outcome.close_code = close_code;
	set_reason(conversation, reason);
	if (!conversation->close_pending) {
		aic_outbox_clear(&conversation->outbox);
	}
	aic_conversation_forget_tool_calls(conversation);
	cut_at_limit(conversation);
	aic_conversation_stats(conversation, &stats);
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_ENDED, .stats = &stats,
		.ended = &conversation->outcome});
}

void aic_conversation_leave(struct aic_conversation *conversation)
{
	switch (conversation->phase) {
	case AIC_PHASE_FETCHING:
	case AIC_PHASE_CONNECTING:
		conversation->abort_pending = true;
		break;
	case AIC_PHASE_STARTING:
	case AIC_PHASE_ACTIVE:
		if (conversation->phase == AIC_PHASE_ACTIVE && conversation->provider->finish) {
			/* What was to be sent before is sent before: messages may be numbered. */
			conversation->provider->finish(conversation);
		} else {
			aic_outbox_clear(&conversation->outbox);
		}
		conversation->close_pending = true;
		break;
	case AIC_PHASE_WAITING:
	case AIC_PHASE_ENDED:
		break;
	}
}

void aic_conversation_end(struct aic_conversation *conversation, enum aic_status status, const char *reason,
	uint64_t now_us)
{
	conversation->now_us = now_us;
	aic_conversation_leave(conversation);
	aic_conversation_finish(conversation, status, 0, reason);
}

bool aic_duration_attend(struct aic_conversation *conversation)
{
	char text[AIC_REASON_MAX];

	snprintf(text, sizeof(text), "the conversation reached call_duration_limit_seconds (%d s)",
		(int) conversation->settings->call_duration_limit_seconds);
	aic_conversation_end(conversation, AIC_STATUS_TIMEOUT, text, conversation->now_us);
	return false;
}

uint64_t aic_ending_due(const struct aic_conversation *conversation)
{
	return conversation->ending.due_us;
}

bool aic_ending_attend(struct aic_conversation *conversation)
{
	conversation->outcome.play_out = true;
	aic_conversation_end(conversation, AIC_STATUS_COMPLETED, "the agent ended the conversation", conversation->now_us);
	return false;
}
