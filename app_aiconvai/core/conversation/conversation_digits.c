/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include "json_members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For as long as the next key may take. */
static void wait(struct aic_conversation *conversation)
{
	conversation->digits.due_us = conversation->now_us
		+ (uint64_t) conversation->settings->collect_digits_seconds * US_PER_SECOND;
}

/* Where they are. */
static void tell_secret(struct aic_conversation *conversation, bool is_on)
{
	if (conversation->digits.secret) {
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_SECRET, .secret = {.is_on = is_on}});
	}
}

const char *aic_digits_begin(struct aic_conversation *conversation, struct aic_tool_call *call,
	const struct aic_json_members *arguments)
{
	struct aic_digits *digits = &conversation->digits;
	const char *count = aic_json_members_find(arguments, "count");
	unsigned long most = count ? strtoul(count, NULL, 10) : AIC_PRESSED_MAX;

	if (digits->call) {
		return "Keys are being collected already. Wait for them.";
	}
	if (most < 1 || most > AIC_PRESSED_MAX) {
		return "The argument count must be a number of keys, 1 to 64.";
	}
	*digits = (struct aic_digits) {.call = strdup(call->shown), .most = most,
		.secret = conversation->settings->collect_digits_secret};
	if (!digits->call) {
		return "Out of memory.";
	}
	tell_secret(conversation, true);
	wait(conversation);
	/* It is answered here, however long the caller takes. */
	call->due_us = UINT64_MAX;
	return NULL;
}

static void answer(struct aic_conversation *conversation)
{
	struct aic_digits *digits = &conversation->digits;
	char text[AIC_PRESSED_MAX + 128], *id = digits->call;

	if (!digits->count) {
		snprintf(text, sizeof(text), "The caller pressed no key within %d seconds.",
			(int) conversation->settings->collect_digits_seconds);
	} else if (digits->secret) {
		snprintf(text, sizeof(text), "The caller pressed %zu keys. They are secret: you are not told which.",
			digits->count);
	} else {
		snprintf(text, sizeof(text), "The caller pressed %s.", digits->pressed);
	}
	if (digits->count) {
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_KEYS,
			.keys = {.pressed = digits->pressed, .collected = true, .secret = digits->secret}});
	}
	tell_secret(conversation, false);
	/* Which forgets them. */
	digits->call = NULL;
	aic_conversation_tool_result(conversation, id, text, !digits->count, false);
	*digits = (struct aic_digits) {.call = NULL};
	free(id);
}

bool aic_digits_take(struct aic_conversation *conversation, char key)
{
	struct aic_digits *digits = &conversation->digits;

	if (!digits->call) {
		return false;
	}
	aic_caller_idle_heard(&conversation->caller_idle, aic_idle_clock(conversation));
	if (!aic_keys_is_terminator(conversation, key)) {
		digits->pressed[digits->count++] = key;
		wait(conversation);
		if (digits->count < digits->most) {
			return true;
		}
	}
	answer(conversation);
	return true;
}

bool aic_digits_are_secret(const struct aic_conversation *conversation)
{
	return conversation->digits.call && conversation->digits.secret;
}

void aic_digits_forget(struct aic_conversation *conversation, const struct aic_tool_call *call)
{
	struct aic_digits *digits = &conversation->digits;

	if (digits->call && !strcmp(digits->call, call->shown)) {
		tell_secret(conversation, false);
		free(digits->call);
		*digits = (struct aic_digits) {.call = NULL};
	}
}

uint64_t aic_digits_due(const struct aic_conversation *conversation)
{
	return conversation->digits.call ? conversation->digits.due_us : UINT64_MAX;
}

bool aic_digits_attend(struct aic_conversation *conversation)
{
	answer(conversation);
	return true;
}
