/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the agent is told to be and to say, about this very call.
 */
#ifndef AIC_CONVERSATION_PROMPT_H
#define AIC_CONVERSATION_PROMPT_H

#include "options.h"
#include "variable.h"

#include <stdbool.h>
#include <stddef.h>

struct aic_conversation;

/* What the agent is to say first; NULL: nothing. */
struct aic_opening {
	char *text;  /* owned, placeholders filled */
	char *order; /* owned: the same as an order to say it */
};

struct aic_told {
	const struct aic_prompt_settings *prompts; /* the host's; NULL: none */
	const char *state; /* an entry name=text of theirs; NULL: none */
	/* it was entered after the service was told the prompt, and before it could be told more */
	bool state_missed;
	char *prompt; /* owned, what the agent is told with placeholders filled; NULL: nothing */
	struct aic_opening first_message, resume_message, reconnect_message;
};

/* Fills in what the agent is told at the start; forgets it. Filling in returns false when memory is short. */
bool aic_conversation_fill_texts(struct aic_conversation *conversation);

/* The same where variables have changed; the conversation stays in its state. */
bool aic_conversation_fill_texts_again(struct aic_conversation *conversation);
void aic_conversation_forget_texts(struct aic_conversation *conversation);

/*
 * What the agent begins with; a session that takes over from another, and a conversation that goes on from one of
 * before, begin in their own way.
 */
const struct aic_opening *aic_conversation_opening(const struct aic_conversation *conversation);

/* The service has announced the conversation: is told of a state that was entered since it was told the prompt. */
void aic_conversation_tell_missed_state(struct aic_conversation *conversation);

/*
 * The conversation is in that state from now on, with the values of placeholders in it; the service is not told.
 * Returns NULL, or a sentence that says why not.
 */
const char *aic_conversation_go_to_state(struct aic_conversation *conversation, const char *name,
	const struct aic_variable *values, size_t count);

/* What the agent is told in the present state, to be freed; NULL when memory is short, or where there is none. */
char *aic_conversation_state_text(struct aic_conversation *conversation);

#endif
