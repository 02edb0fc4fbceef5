/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "phrases.h"
#include "provider_port.h"

#include <stdlib.h>
#include <string.h>

/* A pause within what is said is no longer than this: "Sorry, stop. I will ..." */
#define WORD_PAUSE_US (500 * US_PER_MS)

/* What is said after more than this has nothing to do with what was before. */
#define SAME_SPEECH_US (1 * US_PER_SECOND)

/* Of what lasts, so much has a pitch, in per cent: of speech, with its gaps, half or more. */
#define VOICED_PERCENT 40

/* Who picks up says "hello?" so soon after the agent has begun its greeting, and "hello, hello?" takes longer. */
#define HELLO_WITHIN_US (1 * US_PER_SECOND)
#define HELLO_FACTOR 2

/* A service that has not noticed by then that the caller speaks does not. */
#define SLOW_SERVICE_US (3 * US_PER_SECOND)

static void forget_correction(struct aic_barge_in *barge_in)
{
	free(barge_in->correction.text);
	barge_in->correction.text = NULL;
}

void aic_barge_in_free(struct aic_barge_in *barge_in)
{
	forget_correction(barge_in);
}

/* Whether the agent is in a state of its prompts in which everything has to be heard. */
static bool is_in_uninterruptible_state(const struct aic_conversation *conversation)
{
	const struct aic_string_list *names = &conversation->settings->uninterruptible_states;
	const struct aic_told *told = &conversation->told;

	for (size_t i = 0; told->state && i < names->count; i++) {
		if (aic_entry_find(&told->prompts->state, names->items[i]) == told->state) {
			return true;
		}
	}
	return false;
}

bool aic_interruption_is_allowed(const struct aic_conversation *conversation)
{
	const struct aic_settings *settings = conversation->settings;
	const struct aic_answer *answer = &conversation->answer;
	uint64_t after_us = (uint64_t) settings->interruption_after_ms * US_PER_MS;

	if (!aic_idle_agent_is_heard(conversation)) {
		/* Nothing is cut short. */
		return true;
	}
	if (settings->interruption == AIC_INTERRUPTION_OFF || !settings->interrupt_response
		|| conversation->barge_in.is_forbidden
		|| conversation->barge_in.protection != AIC_PROTECTION_NONE || is_in_uninterruptible_state(conversation)) {
		return false;
	}
	if (!settings->first_message_interruptible && answer->turns == 1) {
		return false;
	}
	return conversation->now_us >= answer->began_us + after_us;
}

static void tell_pause(struct aic_conversation *conversation, bool is_on, bool interrupted)
{
	uint64_t lasted_us = is_on ? 0 : conversation->now_us - conversation->barge_in.since_us;

	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_PAUSE,
		.pause = {.is_on = is_on, .interrupted = interrupted, .lasted_ms = lasted_us / US_PER_MS}});
}

static void forget_speech(struct aic_barge_in *barge_in)
{
	barge_in->speech_us = barge_in->voiced_us = barge_in->speech_until_us = 0;
	aic_near_voice_begin(&barge_in->voice);
}

/* Unless the caller goes on with what he said before. */
static void forget_earlier_speech(struct aic_conversation *conversation)
{
	if (conversation->now_us > conversation->barge_in.speech_until_us + SAME_SPEECH_US) {
		forget_speech(&conversation->barge_in);
	}
}

static void begin_pause(struct aic_conversation *conversation)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;

	barge_in->undecided = true;
	barge_in->since_us = conversation->now_us;
	forget_earlier_speech(conversation);
	conversation->stats.pauses++;
	aic_idle_pause(conversation);
	tell_pause(conversation, true, false);
}

static void end_pause(struct aic_conversation *conversation)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;

	barge_in->undecided = false;
	aic_playout_queue_put_off(conversation->playout, conversation->now_us - barge_in->since_us);
	aic_idle_resume(conversation);
}

static void tell_provider(struct aic_conversation *conversation, struct aic_interruption *removed)
{
	if (!conversation->provider->interrupted) {
		return;
	}
	removed->heard_event_id = aic_event_id_to_provider(conversation, removed->heard_event_id);
	for (size_t i = 0; i < removed->removed_chunks && i < AIC_REMOVED_IDS_MAX; i++) {
		removed->removed_ids[i] = aic_event_id_to_provider(conversation, removed->removed_ids[i]);
	}
	conversation->provider->interrupted(conversation, removed);
}

/* It is an interruption, of which nothing more is to be decided. */
static void interrupt(struct aic_conversation *conversation)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;
	struct aic_correction correction = barge_in->correction;
	int64_t event_id = barge_in->event_id;
	struct aic_interruption removed;

	barge_in->event_id = AIC_EVENT_ID_NONE;
	barge_in->correction.text = NULL;
	forget_speech(barge_in);
	aic_conversation_interrupt(conversation, event_id, &removed);
	aic_answer_expect_now(conversation);
	tell_provider(conversation, &removed);
	if (correction.text) {
		aic_port_transcript_of(conversation, correction.turn, AIC_ROLE_AGENT, AIC_TRANSCRIPT_CORRECTED, correction.text,
			correction.event_id);
		free(correction.text);
	}
}

/* The caller means it. */
static void confirm(struct aic_conversation *conversation)
{
	bool was_paused = conversation->barge_in.undecided;

	if (was_paused) {
		end_pause(conversation);
	}
	interrupt(conversation);
	/* Only now is there nothing left that would be heard. */
	if (was_paused) {
		tell_pause(conversation, false, true);
	}
}

/* For so long the caller has to speak. */
static uint64_t enough_speech_us(const struct aic_conversation *conversation)
{
	const struct aic_answer *answer = &conversation->answer;
	bool may_be_hello = answer->turns == 1 && conversation->barge_in.since_us < answer->began_us + HELLO_WITHIN_US;

	return (uint64_t) conversation->settings->interruption_min_ms * US_PER_MS * (may_be_hello ? HELLO_FACTOR : 1);
}

/* Whether the caller has spoken for so long, and over what the service says is void, that it is one. */
static bool has_lasted(const struct aic_conversation *conversation)
{
	const struct aic_barge_in *barge_in = &conversation->barge_in;

	return barge_in->event_id != AIC_EVENT_ID_NONE
		&& barge_in->speech_us >= enough_speech_us(conversation)
		&& barge_in->voiced_us >= barge_in->speech_us * VOICED_PERCENT / 100;
}

void aic_interruption_suspected(struct aic_conversation *conversation, int64_t event_id)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;

	if (event_id > barge_in->event_id) {
		barge_in->event_id = event_id;
	}
	if (barge_in->undecided) {
		if (has_lasted(conversation) || conversation->downlink.last_event_id > event_id) {
			confirm(conversation);
		}
		return;
	}
	/* Where newer audio has come before the word that the older is void, the agent has answered already. */
	if (conversation->settings->interruption == AIC_INTERRUPTION_CONFIRMED && aic_idle_agent_is_heard(conversation)
		&& conversation->downlink.last_event_id <= event_id) {
		begin_pause(conversation);
	} else {
		confirm(conversation);
	}
}

bool aic_interruption_minds_caller(const struct aic_conversation *conversation)
{
	const struct aic_barge_in *barge_in = &conversation->barge_in;

	return barge_in->undecided || (conversation->echo.guard && barge_in->event_id != AIC_EVENT_ID_NONE
		&& aic_idle_agent_is_heard(conversation) && aic_interruption_is_allowed(conversation));
}

void aic_interruption_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length, bool is_speech)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;
	uint64_t voiced_before_us = barge_in->voiced_us;

	/* Not with each packet: two of 10 ms make a piece that is looked at. */
	if (!barge_in->undecided && barge_in->speech_us) {
		forget_earlier_speech(conversation);
	}
	aic_near_voice_look(&barge_in->voice, conversation->stats.line_format, bytes, length, is_speech,
		&barge_in->speech_us, &barge_in->voiced_us);
	if (barge_in->voiced_us != voiced_before_us) {
		barge_in->speech_until_us = conversation->now_us;
	}
	if (has_lasted(conversation)) {
		confirm(conversation);
	}
}

void aic_interruption_heard(struct aic_conversation *conversation)
{
	if (!conversation->barge_in.undecided && aic_idle_agent_is_heard(conversation)
		&& !conversation->provider->full_duplex && conversation->settings->interruption == AIC_INTERRUPTION_CONFIRMED
		&& aic_interruption_is_allowed(conversation)) {
		begin_pause(conversation);
	}
}

/* Something says that it is an interruption before the service has: then all that has come is void. */
static void presume(struct aic_conversation *conversation)
{
	if (conversation->barge_in.undecided && conversation->barge_in.event_id == AIC_EVENT_ID_NONE) {
		conversation->barge_in.event_id = conversation->downlink.last_event_id;
	}
}

/* Whether there is something that could be interrupted by what comes now. */
static bool is_open(const struct aic_conversation *conversation)
{
	bool may_be_one = conversation->barge_in.undecided || (conversation->barge_in.event_id != AIC_EVENT_ID_NONE
		&& aic_interruption_is_allowed(conversation));

	return may_be_one && aic_idle_agent_is_heard(conversation);
}

void aic_interruption_words(struct aic_conversation *conversation, const char *text, bool is_final, uint64_t said_us)
{
	const char *back_channels = conversation->settings->back_channels;
	bool is_understood = is_final && text[strspn(text, " ")];

	if (is_understood) {
		aic_near_voice_understood(&conversation->barge_in.voice, conversation->stats.line_format.rate);
	}
	/* Words come late: those may be of before. */
	if (!is_open(conversation) || said_us < conversation->barge_in.since_us) {
		return;
	}
	if (!aic_text_is_of_phrases(text, back_channels ? back_channels : "")) {
		presume(conversation);
		confirm(conversation);
	} else if (is_understood) {
		aic_interruption_withdraw(conversation);
		forget_speech(&conversation->barge_in);
	}
}

void aic_interruption_agent_audio(struct aic_conversation *conversation, int64_t event_id)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;

	if (barge_in->protection == AIC_PROTECTION_HEARD && !aic_idle_agent_is_heard(conversation)) {
		barge_in->protection = AIC_PROTECTION_NONE;
	} else if (barge_in->protection == AIC_PROTECTION_ANSWERED) {
		barge_in->protection = AIC_PROTECTION_HEARD;
	}
	if (barge_in->event_id == AIC_EVENT_ID_NONE || event_id <= barge_in->event_id) {
		return;
	}
	if (is_open(conversation)) {
		confirm(conversation);
	} else {
		barge_in->event_id = AIC_EVENT_ID_NONE;
	}
}

void aic_interruption_tool_call(struct aic_conversation *conversation)
{
	if (conversation->barge_in.undecided) {
		presume(conversation);
		confirm(conversation);
	}
}

void aic_interruption_protect(struct aic_conversation *conversation)
{
	conversation->barge_in.protection = AIC_PROTECTION_CALLED;
}

void aic_interruption_tools_done(struct aic_conversation *conversation)
{
	if (conversation->barge_in.protection == AIC_PROTECTION_CALLED) {
		conversation->barge_in.protection = AIC_PROTECTION_ANSWERED;
	}
}

void aic_interruption_look(struct aic_conversation *conversation)
{
	if (conversation->barge_in.undecided && !aic_interruption_is_allowed(conversation)) {
		aic_interruption_withdraw(conversation);
		forget_speech(&conversation->barge_in);
	}
}

void aic_conversation_allow_interruptions(struct aic_conversation *conversation, bool allowed)
{
	conversation->barge_in.is_forbidden = !allowed;
	aic_interruption_look(conversation);
}

bool aic_interruption_keeps(struct aic_conversation *conversation, uint64_t turn, const char *text, int64_t event_id)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;

	if (!barge_in->undecided) {
		return false;
	}
	forget_correction(barge_in);
	barge_in->correction = (struct aic_correction) {.text = strndup(text, AIC_TRANSCRIPT_MAX + 1), .turn = turn,
		.event_id = event_id};
	return true;
}

void aic_interruption_withdraw(struct aic_conversation *conversation)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;
	size_t again;

	if (!barge_in->undecided) {
		return;
	}
	forget_correction(barge_in);
	end_pause(conversation);
	again = aic_playout_queue_go_back(conversation->playout);
	aic_marks_put_off(&conversation->marks, again);
	aic_caller_idle_agent_audio(&conversation->caller_idle,
		aic_format_ms(conversation->stats.line_format, again) * US_PER_MS, aic_idle_clock(conversation));
	conversation->stats.pauses_withdrawn++;
	tell_pause(conversation, false, false);
}

void aic_interruption_forget(struct aic_conversation *conversation)
{
	aic_interruption_withdraw(conversation);
	conversation->barge_in.event_id = AIC_EVENT_ID_NONE;
	forget_speech(&conversation->barge_in);
}

void aic_interruption_overtaken(struct aic_conversation *conversation, int64_t event_id)
{
	struct aic_barge_in *barge_in = &conversation->barge_in;

	if (barge_in->event_id > event_id) {
		return;
	}
	barge_in->event_id = AIC_EVENT_ID_NONE;
	forget_correction(barge_in);
	if (barge_in->undecided) {
		end_pause(conversation);
		tell_pause(conversation, false, true);
	}
}

uint64_t aic_interruption_due(const struct aic_conversation *conversation)
{
	const struct aic_barge_in *barge_in = &conversation->barge_in;
	uint64_t due_us = barge_in->since_us + (uint64_t) conversation->settings->interruption_decision_ms * US_PER_MS;

	if (!barge_in->undecided) {
		return UINT64_MAX;
	}
	/* Who goes on speaking is not spoken over because the service is slow to notice. */
	return aic_later(due_us, aic_earlier(barge_in->speech_until_us + WORD_PAUSE_US, barge_in->since_us
		+ SLOW_SERVICE_US));
}

bool aic_interruption_attend(struct aic_conversation *conversation)
{
	aic_interruption_withdraw(conversation);
	return true;
}
