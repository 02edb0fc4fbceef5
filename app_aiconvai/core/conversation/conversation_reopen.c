/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A conversation outlives the connection it began with: one that breaks is opened again, and one whose session is about
 * to end is given up for a new one at a moment when nobody speaks. What is queued goes on being heard, the caller's
 * audio is kept, and the new session is told what was said.
 */
#include "conversation_state.h"

#include <stdio.h>
#include <stdlib.h>

/* For so long nobody has spoken, and a session may change. */
#define QUIET_US (400 * US_PER_MS)

/*
 * How often it is seen whether that is so, and how long it is waited for at the most: then the session changes in the
 * middle of a word.
 */
#define LOOK_US (100 * US_PER_MS)
#define PATIENCE_US (30 * US_PER_SECOND)

/* So long before the end that a service has announced. */
#define MARGIN_US (2 * US_PER_SECOND)

/* So long before it, where it was announced from the beginning, a quiet moment is looked for. */
#define EARLY_US (60 * US_PER_SECOND)

/* A service may take so long to answer our close. */
#define CLOSE_US (1 * US_PER_SECOND)

#define HISTORY_INTRODUCTION "The connection was interrupted and is restored. Go on with the conversation; " \
	"this was said so far.\n"

#define RESUME_INTRODUCTION "This call goes on from a conversation of before. Take it up from there; " \
	"this was said so far, with you or another agent.\n"

int64_t aic_event_id_from_provider(const struct aic_conversation *conversation, int64_t event_id)
{
	int64_t largest = INT64_C(1) << 53;

	if (event_id == AIC_EVENT_ID_NONE) {
		return event_id;
	}
	event_id = event_id > largest ? largest : event_id < -largest ? -largest : event_id;
	return conversation->reopen.first_event_id + event_id;
}

int64_t aic_event_id_to_provider(const struct aic_conversation *conversation, int64_t event_id)
{
	return event_id == AIC_EVENT_ID_NONE ? event_id : event_id - conversation->reopen.first_event_id;
}

void aic_conversation_open_another(struct aic_conversation *conversation, uint64_t due_us)
{
	int64_t newest = conversation->downlink.last_event_id > conversation->downlink.interrupted_id
		? conversation->downlink.last_event_id : conversation->downlink.interrupted_id;

	if (newest != AIC_EVENT_ID_NONE && newest >= conversation->reopen.first_event_id) {
		conversation->reopen.first_event_id = newest + 1;
	}
	aic_interruption_forget(conversation);
	aic_conversation_tell_rest(conversation);
	aic_uplink_stop(&conversation->uplink);
	aic_conversation_forget_tool_calls(conversation);
	aic_marks_forget(&conversation->marks);
	conversation->service_error[0] = '\0';
	conversation->phase = AIC_PHASE_WAITING;
	conversation->attempts.due_us = due_us;
	conversation->reopen.due_us = UINT64_MAX;
	conversation->stats.attempts = 0;
	conversation->stats.reopenings++;
	conversation->reopen.under_way = true;
}

bool aic_conversation_reopen(struct aic_conversation *conversation, const char *reason)
{
	char text[AIC_REASON_MAX + 64];

	/* A service that breaks off again and again is not worth the caller's time. */
	if (conversation->reopen.losses >= (unsigned int) conversation->settings->reconnect_attempts) {
		return false;
	}
	conversation->reopen.losses++;
	aic_outbox_clear(&conversation->outbox);
	snprintf(text, sizeof(text), "the connection is opened again: %s", reason);
	aic_conversation_tell_error(conversation, text);
	aic_conversation_open_another(conversation, conversation->now_us);
	return true;
}

void aic_conversation_forget_session(struct aic_conversation *conversation)
{
	free(conversation->reopen.kept);
	conversation->reopen.kept = NULL;
	conversation->reopen.resumed = false;
}

bool aic_conversation_begin_afresh(struct aic_conversation *conversation, const char *reason)
{
	char text[AIC_REASON_MAX + 80];

	if (!conversation->reopen.resumed) {
		return false;
	}
	aic_conversation_forget_session(conversation);
	snprintf(text, sizeof(text), "the session of before was not taken up again, a new one is begun: %s", reason);
	aic_conversation_tell_error(conversation, text);
	/* It was not what an attempt is for. */
	conversation->stats.attempts--;
	aic_conversation_wait_for_attempt(conversation, conversation->now_us);
	return true;
}

void aic_conversation_plan_rollover(struct aic_conversation *conversation)
{
	uint64_t limit = (uint64_t) conversation->settings->session_max_seconds * US_PER_SECOND;

	conversation->reopen.expires = false;
	conversation->reopen.due_us = conversation->reopen.latest_us = UINT64_MAX;
	if (limit) {
		conversation->reopen.due_us = conversation->now_us + limit;
		conversation->reopen.latest_us = conversation->reopen.due_us + PATIENCE_US;
	}
}

void aic_conversation_expect_expiry(struct aic_conversation *conversation, uint64_t in_us)
{
	conversation->reopen.expires = true;
	conversation->reopen.due_us = conversation->now_us;
	conversation->reopen.latest_us = conversation->now_us + (in_us > MARGIN_US ? in_us - MARGIN_US : 0);
}

void aic_conversation_expect_expiry_at(struct aic_conversation *conversation, int64_t unix_seconds)
{
	uint64_t unix_us = conversation->begun_unix_us + (conversation->now_us - conversation->begun_us);
	uint64_t end_us = unix_seconds > 0 ? (uint64_t) unix_seconds * US_PER_SECOND : 0;

	/*
	 * Sessions last for minutes at least: what ends sooner ends by a clock that is wrong, and so would every one after
	 * it.
	 */
	if (!conversation->begun_unix_us || end_us < unix_us + 2 * EARLY_US) {
		return;
	}
	conversation->reopen.due_us = aic_earlier(conversation->reopen.due_us, conversation->now_us + (end_us - unix_us)
		- EARLY_US);
	conversation->reopen.latest_us = aic_earlier(conversation->reopen.latest_us, conversation->now_us
		+ (end_us - unix_us) - MARGIN_US);
}

uint64_t aic_rollover_due(const struct aic_conversation *conversation)
{
	return conversation->reopen.due_us;
}

bool aic_rollover_attend(struct aic_conversation *conversation)
{
	const struct aic_caller_idle *idle = &conversation->caller_idle;
	uint64_t quiet_from_us = aic_caller_idle_quiet_since(idle) + QUIET_US;

	if ((conversation->now_us < quiet_from_us || conversation->tools_at_work.calls.count)
		&& conversation->now_us < conversation->reopen.latest_us) {
		conversation->reopen.due_us = conversation->now_us + LOOK_US;
		return true;
	}
	aic_conversation_leave(conversation);
	aic_conversation_open_another(conversation, conversation->now_us + CLOSE_US);
	return true;
}

void aic_conversation_restored(struct aic_conversation *conversation)
{
	bool goes_on = conversation->resumes && conversation->stats.reopenings == conversation->hand_over.first_session;
	char *text;
	bool knows;

	if (!conversation->reopen.under_way && !goes_on) {
		return;
	}
	conversation->reopen.under_way = false;
	/* A service that takes its own session up again knows what was said. */
	knows = (conversation->reopen.resumed && conversation->settings->resume != AIC_RESUME_BOTH)
		|| conversation->reopen.told;
	conversation->reopen.told = false;
	text = knows || !conversation->provider->context ? NULL
		: aic_history_text(&conversation->history, goes_on ? RESUME_INTRODUCTION : HISTORY_INTRODUCTION);
	if (text) {
		conversation->provider->context(conversation, text);
	}
	free(text);
}
