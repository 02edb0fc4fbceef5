/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation does as time passes.
 */
#include "conversation_state.h"

struct part {
	uint64_t (*due)(const struct aic_conversation *conversation);
	bool (*attend)(struct aic_conversation *conversation);
};

/* All that waits for a time, in the order in which it is attended to: what may be the end of everything comes first. */
static const struct part parts[] = {
	{aic_duration_due, aic_duration_attend},
	{aic_ending_due, aic_ending_attend},
	{aic_watchdog_due, aic_watchdog_attend},
	{aic_interruption_due, aic_interruption_attend},
	{aic_activation_due, aic_activation_attend},
	{aic_caller_turn_due, aic_caller_turn_attend},
	{aic_answer_due, aic_answer_attend},
	{aic_idle_due, aic_idle_attend},
	{aic_rollover_due, aic_rollover_attend},
	{aic_silence_due, aic_silence_attend},
	{aic_keys_due, aic_keys_attend},
	{aic_digits_due, aic_digits_attend},
	{aic_marks_due, aic_marks_attend},
	{aic_downlink_due, aic_downlink_attend},
	{aic_keep_alive_due, aic_keep_alive_attend},
	{aic_attempts_due, aic_attempts_attend},
	{aic_tools_due, aic_tools_attend},
	{aic_troubles_due, aic_troubles_attend},
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

uint64_t aic_conversation_deadline(const struct aic_conversation *conversation)
{
	uint64_t due_us = UINT64_MAX;

	if (conversation->phase == AIC_PHASE_ENDED) {
		return UINT64_MAX;
	}
	for (size_t i = 0; i < PARTS; i++) {
		due_us = aic_earlier(due_us, parts[i].due(conversation));
	}
	return due_us;
}

void aic_conversation_tick(struct aic_conversation *conversation, uint64_t now_us)
{
	conversation->now_us = now_us;
	if (conversation->phase == AIC_PHASE_ENDED) {
		return;
	}
	for (size_t i = 0; i < PARTS; i++) {
		if (now_us >= parts[i].due(conversation) && !parts[i].attend(conversation)) {
			return;
		}
	}
}
