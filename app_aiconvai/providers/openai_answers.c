/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "openai_answers.h"

#include <stdio.h>
#include <string.h>

/* The answer that is being made where its id is not known; the next one that is over is taken for it. */
#define NAMELESS "?"

enum aic_openai_request aic_openai_answers_ask(struct aic_openai_answers *answers, size_t open_tools)
{
	bool free = !answers->active_id[0] && !answers->awaited && !answers->caller_speaks && !open_tools;

	if (!free || !(answers->wanted || answers->greeting_wanted)) {
		return AIC_OPENAI_REQUEST_NONE;
	}
	answers->asked++;
	answers->awaited = true;
	answers->asked_for_greeting = answers->greeting_wanted;
	if (answers->greeting_wanted) {
		answers->greeting_wanted = false;
		return AIC_OPENAI_REQUEST_GREETING;
	}
	answers->wanted = false;
	return AIC_OPENAI_REQUEST_ANSWER;
}

void aic_openai_answers_begun(struct aic_openai_answers *answers, const char *id)
{
	snprintf(answers->active_id, sizeof(answers->active_id), "%s", id && *id ? id : NAMELESS);
	/* Ours, or the service's own: then a refusal of ours follows. */
	answers->awaited = answers->insisted = false;
	answers->caller_speaks = false;
}

bool aic_openai_answers_is_active(const struct aic_openai_answers *answers, const char *id)
{
	return answers->active_id[0] && !strcmp(answers->active_id, id && *id ? id : NAMELESS);
}

void aic_openai_answers_done(struct aic_openai_answers *answers, const char *id)
{
	if (!answers->active_id[0]) {
		/* A server that does not say when one begins. */
		answers->awaited = false;
	} else if (aic_openai_answers_is_active(answers, id) || aic_openai_answers_is_active(answers, NULL)) {
		answers->active_id[0] = '\0';
	}
	answers->insisted = false;
}

void aic_openai_answers_refused(struct aic_openai_answers *answers, unsigned int number, bool busy)
{
	if (!number || number != answers->asked) {
		return;
	}
	answers->awaited = false;
	if (!busy) {
		return;
	}
	answers->wanted = answers->wanted || !answers->asked_for_greeting;
	answers->greeting_wanted = answers->greeting_wanted || answers->asked_for_greeting;
	if (answers->active_id[0]) {
		return;
	}
	/*
	 * The one that it met may be over by now, and nothing would tell: asked for once more, and then only after another
	 * one.
	 */
	if (answers->insisted) {
		snprintf(answers->active_id, sizeof(answers->active_id), "%s", NAMELESS);
	}
	answers->insisted = true;
}

void aic_openai_answers_collided(struct aic_openai_answers *answers)
{
	if (answers->awaited) {
		aic_openai_answers_refused(answers, answers->asked, true);
	} else {
		answers->wanted = true;
	}
}

void aic_openai_answers_told(struct aic_openai_answers *answers)
{
	answers->unseen++;
}

void aic_openai_answers_confirmed(struct aic_openai_answers *answers)
{
	answers->unseen -= answers->unseen > 0;
}

void aic_openai_answers_caller_speaks(struct aic_openai_answers *answers, bool disputed)
{
	answers->caller_speaks = true;
	answers->disputed = disputed;
	answers->owed = false;
}

void aic_openai_answers_interrupted(struct aic_openai_answers *answers)
{
	answers->wanted = answers->wanted || answers->owed;
	answers->disputed = answers->owed = false;
}

void aic_openai_answers_caller_said_nothing(struct aic_openai_answers *answers)
{
	answers->caller_speaks = answers->disputed = false;
}

void aic_openai_answers_caller_finished(struct aic_openai_answers *answers, bool by_itself)
{
	answers->caller_speaks = false;
	if (!by_itself) {
		answers->owed = answers->disputed;
		answers->wanted = answers->wanted || !answers->disputed;
		return;
	}
	/* An answer that begins after this knows all that was confirmed before. */
	if (!answers->active_id[0] && !answers->unseen) {
		answers->wanted = false;
	}
}
