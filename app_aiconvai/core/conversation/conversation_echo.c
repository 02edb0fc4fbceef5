/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

/* The gate opens some time after the caller began: so much goes to the service then at once. */
#define KEPT_MS 120

void aic_echo_free(struct aic_echo *echo)
{
	aic_echo_guard_free(echo->guard);
	aic_buffer_free(&echo->kept);
}

static enum aic_echo_sensitivity sensitivity(const struct aic_settings *settings)
{
	static const enum aic_echo_sensitivity words[] = {
		[AIC_ECHO_SENSITIVITY_CAREFUL] = AIC_ECHO_CAREFUL,
		[AIC_ECHO_SENSITIVITY_NORMAL] = AIC_ECHO_NORMAL,
		[AIC_ECHO_SENSITIVITY_EAGER] = AIC_ECHO_EAGER,
	};

	return words[settings->echo_sensitivity];
}

void aic_conversation_agent_heard(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	uint64_t now_us)
{
	struct aic_echo *echo = &conversation->echo;

	if (!echo->fft || conversation->settings->echo_guard == AIC_ECHO_GUARD_OFF) {
		return;
	}
	if (!echo->guard) {
		echo->guard = aic_echo_guard_new(conversation->stats.line_format, sensitivity(conversation->settings),
			echo->fft);
	}
	if (!echo->guard || aic_echo_guard_sent(echo->guard, bytes, length, now_us)) {
		conversation->stats.errors++;
	}
}

/* Keeps what came, and has silence take the place of what was kept for long enough. */
static void keep(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	struct aic_echo *echo = &conversation->echo;
	struct aic_audio_format format = conversation->stats.line_format;
	size_t most = aic_format_bytes(format, KEPT_MS);

	if (aic_buffer_append(&echo->kept, bytes, length)) {
		conversation->stats.errors++;
		return;
	}
	if (echo->kept.length > most) {
		uint32_t beyond_ms = (uint32_t) aic_format_ms(format, echo->kept.length - most);

		if (aic_uplink_add_silence(&conversation->uplink, beyond_ms)) {
			conversation->stats.errors++;
		}
		aic_buffer_drop_front(&echo->kept, aic_format_bytes(format, beyond_ms));
	}
}

bool aic_echo_is_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	bool is_caller = aic_echo_guard_came(conversation->echo.guard, bytes, length, conversation->now_us);

	if (!is_caller) {
		keep(conversation, bytes, length);
	}
	return is_caller;
}

const uint8_t *aic_echo_kept(struct aic_conversation *conversation, size_t *length)
{
	struct aic_buffer *kept = &conversation->echo.kept;

	*length = kept->length;
	kept->length = 0;
	return kept->bytes;
}

void aic_echo_stats(const struct aic_echo *echo, struct aic_echo_report *report)
{
	if (echo->guard) {
		aic_echo_guard_report(echo->guard, report);
	} else {
		*report = (struct aic_echo_report) {.delay_ms = -1};
	}
}
