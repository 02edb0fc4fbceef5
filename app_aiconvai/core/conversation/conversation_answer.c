/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include <stdio.h>

#define LONGEST_SPEECH_US (60 * US_PER_SECOND)

static void tell_thinking(struct aic_conversation *conversation, bool is_on)
{
	struct aic_answer *answer = &conversation->answer;

	if (answer->thinking != is_on) {
		answer->thinking = is_on;
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_THINKING,
			.thinking = {.is_on = is_on}});
	}
}

void aic_answer_expect_now(struct aic_conversation *conversation)
{
	struct aic_answer *answer = &conversation->answer;

	if (conversation->phase != AIC_PHASE_ACTIVE || conversation->listening.is_on) {
		return;
	}
	/* A service may tell what we told it in the caller's place as the caller's words. */
	if (!answer->awaited) {
		answer->step = AIC_ANSWER_NUDGE;
	}
	answer->awaited = true;
	answer->since_us = conversation->now_us;
	answer->has_words = false;
}

void aic_answer_expect(struct aic_conversation *conversation, uint64_t said_us)
{
	/* Words may come after the answer to them; and "mm-hmm" is no question. */
	if (conversation->answer.began_us < said_us && !aic_idle_agent_is_heard(conversation)) {
		aic_answer_expect_now(conversation);
	}
}

void aic_answer_forget(struct aic_conversation *conversation)
{
	conversation->answer.awaited = false;
	tell_thinking(conversation, false);
}

void aic_answer_has_words(struct aic_conversation *conversation)
{
	conversation->answer.has_words = true;
}

/* How long the caller, who was heard to have spoken since the agent was, has waited. */
static void tell_latency(struct aic_conversation *conversation)
{
	uint64_t spoke_us = conversation->caller_idle.spoke_until_us, now_us = aic_idle_clock(conversation);
	struct aic_conversation_stats *stats = &conversation->stats;
	uint64_t latency_ms = (now_us - spoke_us) / US_PER_MS;

	if (spoke_us <= conversation->caller_idle.agent_until_us || spoke_us > now_us) {
		return;
	}
	stats->answers++;
	stats->answer_ms += latency_ms;
	if (latency_ms > stats->slowest_answer_ms) {
		stats->slowest_answer_ms = latency_ms;
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_ANSWER,
		.answer = {.latency_ms = latency_ms}});
}

void aic_answer_came(struct aic_conversation *conversation)
{
	if (!aic_idle_agent_is_heard(conversation)) {
		tell_latency(conversation);
		conversation->answer.began_us = conversation->now_us;
		conversation->answer.turns++;
	}
	if (conversation->answer.awaited) {
		aic_answer_forget(conversation);
	}
}

void aic_answer_wait_anew(struct aic_conversation *conversation)
{
	conversation->answer.since_us = conversation->now_us;
}

static void nudge(struct aic_conversation *conversation)
{
	const char *text = conversation->settings->answer_nudge;

	if (text) {
		aic_own_words_say(conversation, text);
	}
}

void aic_answer_ask_session(struct aic_conversation *conversation)
{
	aic_answer_wait_anew(conversation);
	/* One that took over for another reason has its own way to begin. */
	if (conversation->answer.awaited && conversation->answer.step == AIC_ANSWER_GIVE_UP) {
		nudge(conversation);
	}
}

/* Whether the agent can be waited for now: otherwise it is something else that is waited for. */
static bool is_waited_for(const struct aic_conversation *conversation)
{
	return conversation->answer.awaited && conversation->phase == AIC_PHASE_ACTIVE
		&& !conversation->tools_at_work.calls.count && conversation->tools_at_work.end_called_us == UINT64_MAX
		&& !conversation->ending.agent_ends && !conversation->idle_pause.reasons;
}

/*
 * Nobody answers who is still being spoken to, and many services tell no words before the caller's last one: the time
 * counts from there. What is loud for a minute is no caller who waits for an answer afterwards.
 */
static uint64_t waited_since(const struct aic_conversation *conversation)
{
	uint64_t since_us = conversation->answer.since_us;

	return aic_later(since_us, aic_earlier(conversation->caller_idle.spoke_until_us, since_us + LONGEST_SPEECH_US));
}

static uint64_t thinking_due(const struct aic_conversation *conversation)
{
	uint64_t ms = (uint64_t) conversation->settings->thinking_ms;

	return ms && !conversation->answer.thinking ? waited_since(conversation) + ms * US_PER_MS : UINT64_MAX;
}

static uint64_t step_due(const struct aic_conversation *conversation)
{
	uint64_t ms = (uint64_t) conversation->settings->answer_timeout_ms;

	return ms ? waited_since(conversation) + ms * US_PER_MS : UINT64_MAX;
}

uint64_t aic_answer_due(const struct aic_conversation *conversation)
{
	return is_waited_for(conversation) ? aic_earlier(thinking_due(conversation), step_due(conversation)) : UINT64_MAX;
}

/* The session does not answer: another one is to. Returns false where the conversation is over. */
static bool change_session(struct aic_conversation *conversation, const char *reason)
{
	conversation->abort_pending = true;
	if (conversation->answer.step == AIC_ANSWER_GIVE_UP || !aic_conversation_reopen(conversation, reason)) {
		aic_conversation_finish(conversation, AIC_STATUS_LOST, 0, reason);
	}
	return false;
}

static bool take_step(struct aic_conversation *conversation)
{
	struct aic_answer *answer = &conversation->answer;
	char text[160];

	snprintf(text, sizeof(text), "the agent has not answered the caller within %d ms (answer_timeout_ms)%s",
		(int) conversation->settings->answer_timeout_ms,
		answer->has_words ? "; it has sent words and no audio" : "");
	conversation->stats.answers_missed++;
	answer->since_us = conversation->now_us;
	if (answer->step != AIC_ANSWER_NUDGE) {
		bool goes_on = change_session(conversation, text);

		answer->step = AIC_ANSWER_GIVE_UP;
		return goes_on;
	}
	answer->step = AIC_ANSWER_REOPEN;
	aic_conversation_tell_error(conversation, text);
	nudge(conversation);
	return true;
}

bool aic_answer_attend(struct aic_conversation *conversation)
{
	if (conversation->now_us >= thinking_due(conversation)) {
		tell_thinking(conversation, true);
	}
	return conversation->now_us < step_due(conversation) || take_step(conversation);
}
