/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

/*
 * How much later than expected caller audio may be before silence takes its place, and how often that is topped up
 * then.
 */
#define AUDIO_GAP_MS 200
#define SILENCE_PERIOD_MS 100

/* Most silence made up at once: a host that stood still for longer does not send all of it. */
#define SILENCE_MS_MAX 1000

void aic_stand_in_start(struct aic_stand_in *stand_in, uint64_t now_us)
{
	stand_in->until_us = stand_in->alive_us = now_us;
}

void aic_stand_in_not_needed(struct aic_stand_in *stand_in, uint64_t now_us)
{
	stand_in->until_us = now_us;
	stand_in->is_silence = false;
}

void aic_silence_take_place(struct aic_conversation *conversation, uint32_t ms)
{
	if (aic_caller_turn_is_sent(conversation) && aic_uplink_add_silence(&conversation->uplink, ms)) {
		conversation->stats.errors++;
	}
}

/*
 * When silence is due in the caller's place: every service takes a pause in the audio amiss, does not notice that the
 * caller has finished, or closes. A host may hand over audio a chunk at a time, and packets are sometimes late.
 */
uint64_t aic_silence_due(const struct aic_conversation *conversation)
{
	uint64_t patience_ms = conversation->uplink.chunk_ms;
	uint64_t most_us = conversation->provider->silence_ms_max * US_PER_MS;

	if (conversation->phase != AIC_PHASE_ACTIVE) {
		return UINT64_MAX;
	}
	if (most_us && conversation->stand_in.is_silence && conversation->stand_in.until_us
		- conversation->stand_in.since_us >= most_us) {
		return UINT64_MAX;
	}
	if (!conversation->stand_in.is_silence) {
		patience_ms += AUDIO_GAP_MS;
	} else if (patience_ms < SILENCE_PERIOD_MS) {
		patience_ms = SILENCE_PERIOD_MS;
	}
	return conversation->stand_in.until_us + patience_ms * US_PER_MS;
}

bool aic_silence_attend(struct aic_conversation *conversation)
{
	uint64_t ms = (conversation->now_us - conversation->stand_in.until_us) / US_PER_MS;

	aic_silence_take_place(conversation, (uint32_t) (ms < SILENCE_MS_MAX ? ms : SILENCE_MS_MAX));
	if (!conversation->stand_in.is_silence) {
		conversation->stand_in.since_us = conversation->stand_in.until_us;
	}
	/* What is less than a millisecond is for the next time: lost each time, a service would get 0.5 % too little. */
	conversation->stand_in.until_us = ms < SILENCE_MS_MAX ? conversation->stand_in.until_us + ms * US_PER_MS
		: conversation->now_us;
	conversation->stand_in.is_silence = true;
	return true;
}

uint64_t aic_keep_alive_due(const struct aic_conversation *conversation)
{
	if (conversation->phase != AIC_PHASE_ACTIVE || !conversation->provider->keep_alive) {
		return UINT64_MAX;
	}
	return conversation->stand_in.alive_us + conversation->provider->keep_alive_ms * US_PER_MS;
}

bool aic_keep_alive_attend(struct aic_conversation *conversation)
{
	conversation->stand_in.alive_us = conversation->now_us;
	conversation->provider->keep_alive(conversation);
	return true;
}
