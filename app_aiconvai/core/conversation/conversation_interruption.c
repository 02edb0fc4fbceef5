/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

bool aic_interruption_is_allowed(const struct aic_conversation *conversation)
{
	const struct aic_settings *settings = conversation->settings;
	const struct aic_answer *answer = &conversation->answer;
	uint64_t after_us = (uint64_t) settings->interruption_after_ms * US_PER_MS;

	if (!aic_idle_agent_is_heard(conversation)) {
		/* Nothing is cut short. */
		return true;
	}
	if (settings->interruption == AIC_INTERRUPTION_OFF) {
		return false;
	}
	if (!settings->first_message_interruptible && answer->turns == 1) {
		return false;
	}
	return conversation->now_us >= answer->began_us + after_us;
}
