/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

static void tell(struct aic_conversation *conversation, uint64_t lasted_us)
{
	const struct aic_settings *settings = conversation->settings;
	const char *message = conversation->hold.is_on ? settings->hold_message : settings->hold_end_message;
	struct aic_event event = {
		.type = AIC_EVENT_HOLD,
		.hold = {.is_on = conversation->hold.is_on, .lasted_ms = lasted_us / US_PER_MS},
	};

	aic_conversation_tell(conversation, &event);
	if (message) {
		aic_conversation_context(conversation, message);
	}
}

void aic_conversation_hold(struct aic_conversation *conversation, bool is_on, uint64_t now_us)
{
	uint64_t lasted_us = 0;

	conversation->now_us = now_us;
	if (conversation->phase == AIC_PHASE_ENDED || conversation->hold.is_on == is_on) {
		return;
	}
	if (is_on) {
		conversation->hold.since_us = now_us;
		conversation->stats.holds++;
		aic_idle_pause(conversation);
	} else {
		lasted_us = now_us - conversation->hold.since_us;
		conversation->stats.held_ms += lasted_us / US_PER_MS;
		aic_idle_resume(conversation);
	}
	conversation->hold.is_on = is_on;
	tell(conversation, lasted_us);
}
