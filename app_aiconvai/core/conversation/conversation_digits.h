/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Digits that the agent has the caller press (the tool collect_digits): a customer's number, a card's. Secret ones are
 * told to the host and to nobody else, and the caller is not heard meanwhile: keys can be heard.
 */
#ifndef AIC_CONVERSATION_DIGITS_H
#define AIC_CONVERSATION_DIGITS_H

#include "conversation_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;
struct aic_json_members;
struct aic_tool_call;

struct aic_digits {
	char *call; /* owned: the id (aic_tool_call.shown) of the call that waits for them; NULL: none does */
	bool secret;
	char pressed[AIC_PRESSED_MAX + 1];
	size_t count, most;
	uint64_t due_us; /* when no more are waited for */
};

/* Begins to collect for that call. Returns NULL, or a sentence for the agent that says why not. */
const char *aic_digits_begin(struct aic_conversation *conversation, struct aic_tool_call *call,
	const struct aic_json_members *arguments);

/* Takes a key; returns false where none are collected. */
bool aic_digits_take(struct aic_conversation *conversation, char key);

/* Whether the caller is not to be heard, because secret digits are being pressed. */
bool aic_digits_are_secret(const struct aic_conversation *conversation);

/* The call is over, however; nothing is kept of what was pressed. */
void aic_digits_forget(struct aic_conversation *conversation, const struct aic_tool_call *call);

/* The caller has stopped to press keys. */
uint64_t aic_digits_due(const struct aic_conversation *conversation);
bool aic_digits_attend(struct aic_conversation *conversation);

#endif
