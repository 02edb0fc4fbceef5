/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What is done about a caller who says nothing: the agent is told to ask, then to say goodbye (caller_idle.h).
 */
#include "conversation_state.h"

#include <string.h>

void aic_idle_pause(struct aic_conversation *conversation)
{
	struct aic_idle_pause *pause = &conversation->idle_pause;

	if (!pause->reasons++) {
		pause->since_us = conversation->now_us;
	}
}

void aic_idle_resume(struct aic_conversation *conversation)
{
	struct aic_idle_pause *pause = &conversation->idle_pause;

	if (!--pause->reasons) {
		aic_caller_idle_put_off(&conversation->caller_idle, conversation->now_us - pause->since_us);
	}
}

uint64_t aic_idle_clock(const struct aic_conversation *conversation)
{
	return conversation->idle_pause.reasons ? conversation->idle_pause.since_us : conversation->now_us;
}

bool aic_idle_agent_is_heard(const struct aic_conversation *conversation)
{
	return conversation->caller_idle.agent_until_us > aic_idle_clock(conversation);
}

void aic_idle_words(struct aic_conversation *conversation, const char *text)
{
	if (text[strspn(text, " ")]) {
		aic_caller_idle_heard(&conversation->caller_idle, aic_idle_clock(conversation));
	}
}

/* While a connection is being opened again nobody can ask. */
uint64_t aic_idle_due(const struct aic_conversation *conversation)
{
	return conversation->phase == AIC_PHASE_ACTIVE && !conversation->idle_pause.reasons
		? aic_caller_idle_due(&conversation->caller_idle) : UINT64_MAX;
}

bool aic_idle_attend(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = conversation->settings;
	const char *text = NULL;

	switch (aic_caller_idle_step(&conversation->caller_idle, conversation->now_us)) {
	case AIC_IDLE_NOTHING:
		break;
	case AIC_IDLE_CHECK_IN:
		text = settings->no_input_message;
		break;
	case AIC_IDLE_SAY_GOODBYE:
		text = settings->no_input_farewell;
		break;
	case AIC_IDLE_END:
		aic_conversation_end(conversation, AIC_STATUS_TIMEOUT,
			"the caller said nothing for too long (no_input_seconds)", conversation->now_us);
		return false;
	}
	if (text) {
		aic_own_words_say(conversation, text);
	}
	return true;
}
