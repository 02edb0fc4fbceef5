/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "held_back.h"

/* What the caller says is kept for so long, the newest; and before he has said anything what may be its beginning. */
#define KEPT_MS 4000
#define BEGINNING_MS 300

/* The agent's greeting is over when it has been silent for so long; where none has begun by then, there is none. */
#define GREETING_PAUSE_US (500 * US_PER_MS)
#define NO_GREETING_US (3 * US_PER_SECOND)

void aic_activation_init(struct aic_conversation *conversation)
{
	conversation->activation.is_open = conversation->settings->activation == AIC_ACTIVATION_IMMEDIATE;
}

void aic_activation_free(struct aic_activation *activation)
{
	aic_buffer_free(&activation->kept);
}

static bool waits_for_voice(const struct aic_conversation *conversation)
{
	enum aic_option_activation mode = conversation->settings->activation;

	return mode == AIC_ACTIVATION_VOICE || mode == AIC_ACTIVATION_AFTER_PROMPT;
}

static void open_now(struct aic_conversation *conversation)
{
	struct aic_activation *activation = &conversation->activation;
	struct aic_buffer kept = activation->kept;
	size_t frame = aic_format_bytes(conversation->stats.line_format, AIC_FRAME_MS);

	activation->is_open = true;
	activation->opened_us = conversation->now_us;
	activation->kept = (struct aic_buffer) {.length = 0};
	/* As it came, so that a beginning in it is found. */
	for (size_t at = 0; at < kept.length; at += frame) {
		size_t left = kept.length - at;

		aic_conversation_take_caller(conversation, kept.bytes + at, left < frame ? left : frame);
	}
	aic_buffer_free(&kept);
}

void aic_activation_begin(struct aic_conversation *conversation)
{
	struct aic_activation *activation = &conversation->activation;

	if (!activation->since_us) {
		activation->since_us = conversation->now_us;
	}
	/* Another agent may have taken over. */
	if (!activation->is_open && conversation->settings->activation == AIC_ACTIVATION_IMMEDIATE) {
		open_now(conversation);
	}
}

/* When the agent's greeting is over, as far as can be said now. */
static uint64_t greeting_over(const struct aic_conversation *conversation)
{
	if (!conversation->answer.turns && !aic_idle_agent_is_heard(conversation)) {
		return conversation->activation.since_us + NO_GREETING_US;
	}
	return conversation->caller_idle.agent_until_us + GREETING_PAUSE_US;
}

static uint64_t delay_us(const struct aic_conversation *conversation)
{
	return (uint64_t) conversation->settings->activation_delay_ms * US_PER_MS;
}

/* When somebody who has spoken is heard. */
static uint64_t may_open_us(const struct aic_conversation *conversation)
{
	return conversation->settings->activation == AIC_ACTIVATION_VOICE
		? conversation->activation.since_us + delay_us(conversation) : greeting_over(conversation);
}

void aic_activation_hears(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	struct aic_activation *activation = &conversation->activation;
	struct aic_audio_format format = conversation->stats.line_format;
	struct aic_energy energy = {.samples = 0};

	aic_energy_add(&energy, format.encoding, bytes, length);
	aic_caller_idle_audio(&conversation->caller_idle, &energy, format.rate, conversation->now_us);
	if (!waits_for_voice(conversation)) {
		aic_silence_take_place(conversation, (uint32_t) aic_format_ms(format, length));
		return;
	}
	if (energy.samples && conversation->caller_idle.spoke_until_us == conversation->now_us) {
		activation->has_spoken = true;
	}
	aic_hold_back(conversation, &activation->kept, activation->has_spoken ? KEPT_MS : BEGINNING_MS, bytes, length);
	if (activation->has_spoken && activation->since_us && conversation->now_us >= may_open_us(conversation)) {
		open_now(conversation);
	}
}

bool aic_activation_takes_key(struct aic_conversation *conversation)
{
	if (conversation->activation.is_open || conversation->settings->activation != AIC_ACTIVATION_KEY) {
		return false;
	}
	aic_caller_idle_heard(&conversation->caller_idle, aic_idle_clock(conversation));
	open_now(conversation);
	return true;
}

bool aic_activation_allows_interruption(const struct aic_conversation *conversation)
{
	return conversation->activation.is_open || conversation->settings->activation == AIC_ACTIVATION_VOICE;
}

uint64_t aic_activation_due(const struct aic_conversation *conversation)
{
	const struct aic_activation *activation = &conversation->activation;
	uint64_t wait_us = (uint64_t) conversation->settings->activation_wait_seconds * US_PER_SECOND;

	if (activation->is_open || conversation->phase != AIC_PHASE_ACTIVE || conversation->idle_pause.reasons) {
		return UINT64_MAX;
	}
	if (conversation->settings->activation == AIC_ACTIVATION_DELAY) {
		return greeting_over(conversation) + delay_us(conversation);
	}
	if (activation->has_spoken) {
		return may_open_us(conversation);
	}
	return wait_us ? greeting_over(conversation) + wait_us : UINT64_MAX;
}

bool aic_activation_attend(struct aic_conversation *conversation)
{
	if (conversation->settings->activation == AIC_ACTIVATION_DELAY || conversation->activation.has_spoken) {
		open_now(conversation);
		return true;
	}
	aic_conversation_end(conversation, AIC_STATUS_TIMEOUT, conversation->settings->activation == AIC_ACTIVATION_KEY
		? "the caller pressed no key in time (activation_wait_seconds)"
		: "the caller said nothing in time (activation_wait_seconds)", conversation->now_us);
	return false;
}
