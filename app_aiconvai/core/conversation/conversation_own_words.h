/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What is told to the agent as if the caller had said it: that nobody has spoken, which keys were pressed, what
 * somebody writes. A service may tell it back as words of the caller; they are no sign that the caller is there.
 */
#ifndef AIC_CONVERSATION_OWN_WORDS_H
#define AIC_CONVERSATION_OWN_WORDS_H

#include <stdbool.h>

/* As much of a text is compared. */
#define AIC_OWN_WORDS_MAX 256

struct aic_conversation;

struct aic_own_words {
	char text[AIC_OWN_WORDS_MAX]; /* the beginning of what was told last */
};

/* Tells the agent, where its service has a message for it. Returns whether it has. */
bool aic_own_words_say(struct aic_conversation *conversation, const char *text);

/* Whether words of the caller are those that were told last. */
bool aic_own_words_are(const struct aic_conversation *conversation, const char *text);

#endif
