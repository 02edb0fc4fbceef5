/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "held_back.h"

/* Of what begins a turn, so much is loud, and so much has a pitch: a cough has one for 20 ms, a slammed door for 40. */
#define LOUD_US (100 * US_PER_MS)
#define VOICED_US (60 * US_PER_MS)

/* After a pause of this length it is another beginning. */
#define WORD_PAUSE_US (400 * US_PER_MS)

/* So much of what is not sent is kept: the beginning of the next turn is in it, and a moment before. */
#define KEPT_MS 1000

/* A television does not stop: the service is to say something after so long. */
#define LONGEST_TURN_US (60 * US_PER_SECOND)

void aic_caller_turn_init(struct aic_caller_turn *turn)
{
	/* Whoever is louder than the line's noise is near enough. */
	turn->voice = (struct aic_near_voice) {.loudness = 0};
	aic_near_voice_begin(&turn->voice);
}

void aic_caller_turn_free(struct aic_caller_turn *turn)
{
	aic_buffer_free(&turn->kept);
}

bool aic_caller_turn_is_sent(const struct aic_conversation *conversation)
{
	const struct aic_caller_turn *turn = &conversation->caller_turn;

	return (turn->is_on && !turn->is_over) || !aic_caller_turn_is_ours(conversation);
}

static void tell_beginning(struct aic_conversation *conversation)
{
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		conversation->provider->caller_began(conversation);
	}
}

static void send_kept(struct aic_conversation *conversation)
{
	struct aic_buffer *kept = &conversation->caller_turn.kept;

	aic_conversation_send_caller(conversation, kept->bytes, kept->length);
	kept->length = 0;
}

static void begin(struct aic_conversation *conversation)
{
	struct aic_caller_turn *turn = &conversation->caller_turn;

	turn->is_on = true;
	turn->began_us = conversation->now_us;
	tell_beginning(conversation);
	send_kept(conversation);
}

static void forget_beginning(struct aic_caller_turn *turn)
{
	turn->loud_us = turn->voiced_us = 0;
	aic_near_voice_begin(&turn->voice);
}

/* Whether what has been heard, with the latest audio, is somebody who speaks. */
static bool has_begun(struct aic_conversation *conversation, const uint8_t *bytes, size_t length, bool is_speech)
{
	struct aic_caller_turn *turn = &conversation->caller_turn;

	if (is_speech) {
		turn->spoke_us = conversation->now_us;
	} else if (conversation->now_us >= turn->spoke_us + WORD_PAUSE_US) {
		forget_beginning(turn);
		return false;
	}
	aic_near_voice_look(&turn->voice, conversation->stats.line_format, bytes, length, is_speech, &turn->loud_us,
		&turn->voiced_us);
	return turn->loud_us >= LOUD_US && turn->voiced_us >= VOICED_US;
}

void aic_caller_turn_hears(struct aic_conversation *conversation, const uint8_t *bytes, size_t length, bool is_speech)
{
	struct aic_caller_turn *turn = &conversation->caller_turn;

	if (turn->is_on && is_speech) {
		turn->spoke_us = conversation->now_us;
		/* He goes on before the service was told that he has finished. */
		if (turn->is_over && turn->spoke_us < turn->began_us + LONGEST_TURN_US) {
			turn->is_over = false;
			send_kept(conversation);
		}
	}
	if (aic_caller_turn_is_sent(conversation)) {
		aic_conversation_send_caller(conversation, bytes, length);
		return;
	}
	aic_hold_back(conversation, &turn->kept, KEPT_MS, bytes, length);
	if (!turn->is_on && has_begun(conversation, bytes, length, is_speech)) {
		begin(conversation);
	}
}

void aic_caller_turn_session(struct aic_conversation *conversation)
{
	struct aic_caller_turn *turn = &conversation->caller_turn;

	if (!aic_caller_turn_is_ours(conversation)) {
		/* Another agent has taken over, whose service decides. */
		turn->is_on = turn->is_over = false;
		turn->kept.length = 0;
	} else if (turn->is_on) {
		tell_beginning(conversation);
	}
}

bool aic_caller_turn_is_to_finish(const struct aic_conversation *conversation)
{
	return conversation->caller_turn.is_over && conversation->phase == AIC_PHASE_ACTIVE
		&& !aic_tools_keep_caller_waiting(conversation);
}

void aic_caller_turn_finish(struct aic_conversation *conversation)
{
	struct aic_caller_turn *turn = &conversation->caller_turn;

	turn->is_on = turn->is_over = false;
	forget_beginning(turn);
	conversation->provider->caller_finished(conversation);
	aic_answer_expect(conversation, turn->spoke_us);
}

uint64_t aic_caller_turn_due(const struct aic_conversation *conversation)
{
	const struct aic_caller_turn *turn = &conversation->caller_turn;
	uint64_t silence_us = (uint64_t) conversation->settings->vad_silence_duration_ms * US_PER_MS;

	return turn->is_on && !turn->is_over ? aic_earlier(turn->spoke_us + silence_us, turn->began_us + LONGEST_TURN_US)
		: UINT64_MAX;
}

bool aic_caller_turn_attend(struct aic_conversation *conversation)
{
	conversation->caller_turn.is_over = true;
	return true;
}
