/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include <stdio.h>
#include <string.h>

bool aic_own_words_say(struct aic_conversation *conversation, const char *text)
{
	struct aic_own_words *own_words = &conversation->own_words;

	if (!conversation->provider->user_message) {
		return false;
	}
	snprintf(own_words->text, sizeof(own_words->text), "%s", text);
	conversation->provider->user_message(conversation, text);
	return true;
}

bool aic_own_words_are(const struct aic_conversation *conversation, const char *text)
{
	const char *told = conversation->own_words.text;

	return told[0] && !strncmp(told, text, AIC_OWN_WORDS_MAX - 1);
}
