/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "held_back.h"

/* The gate opens some time after the caller began: so much goes to the service then at once. */
#define KEPT_MS 120

/* It comes back where it is as loud as this, once as much of it is known. A line itself echoes more weakly. */
#define AUDIBLE_DB (-35)
#define KNOWN_MS 2000

/* Of the voice of an agent that is to hear all that comes, so much is looked at: some sentences. */
#define LOOK_MS 30000

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

static bool hears_all(const struct aic_conversation *conversation)
{
	return conversation->settings->echo_guard == AIC_ECHO_GUARD_OFF;
}

static bool has_looked(const struct aic_conversation *conversation)
{
	const struct aic_echo *echo = &conversation->echo;

	return echo->is_told || echo->looked_bytes >= aic_format_bytes(conversation->stats.line_format, LOOK_MS);
}

void aic_conversation_agent_heard(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	uint64_t now_us)
{
	struct aic_echo *echo = &conversation->echo;

	if (!echo->fft || (hears_all(conversation) && has_looked(conversation))) {
		return;
	}
	if (!echo->guard) {
		echo->guard = aic_echo_guard_new(conversation->stats.line_format, sensitivity(conversation->settings),
			echo->fft);
	}
	if (!echo->guard || aic_echo_guard_sent(echo->guard, bytes, length, now_us)) {
		conversation->stats.errors++;
	}
	if (hears_all(conversation)) {
		echo->looked_bytes += length;
	}
}

/* Once, where there is something to tell. */
static void tell(struct aic_conversation *conversation)
{
	struct aic_echo_report report;

	aic_echo_guard_report(conversation->echo.guard, &report);
	if (report.delay_ms >= 0 && report.closed_ms >= KNOWN_MS && report.return_db >= AUDIBLE_DB) {
		conversation->echo.is_told = true;
		conversation->echo.told = report;
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_ECHO,
			.echo = {.delay_ms = report.delay_ms, .return_db = report.return_db}});
	}
}

/* Of an agent that is to hear all that comes. */
static void look(struct aic_conversation *conversation)
{
	struct aic_echo *echo = &conversation->echo;

	if (!echo->is_told) {
		tell(conversation);
	}
	if (has_looked(conversation)) {
		aic_echo_guard_free(echo->guard);
		echo->guard = NULL;
	}
}

bool aic_echo_is_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	bool is_caller = aic_echo_guard_came(conversation->echo.guard, bytes, length, conversation->now_us);

	if (hears_all(conversation)) {
		look(conversation);
		return true;
	}
	if (!is_caller) {
		if (!conversation->echo.is_told) {
			tell(conversation);
		}
		aic_hold_back(conversation, &conversation->echo.kept, KEPT_MS, bytes, length);
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
		*report = echo->is_told ? echo->told : (struct aic_echo_report) {.delay_ms = -1};
	}
}
