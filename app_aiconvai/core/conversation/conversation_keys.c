/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include <stdio.h>
#include <string.h>

static bool is_told(const struct aic_conversation *conversation)
{
	return conversation->settings->dtmf == AIC_DTMF_TURN || conversation->settings->dtmf == AIC_DTMF_CONTEXT;
}

bool aic_keys_is_terminator(const struct aic_conversation *conversation, char key)
{
	const char *terminator = conversation->settings->dtmf_terminator;

	return terminator[0] == key && !terminator[1];
}

/* Tells a protocol that has a message for it of each key that it has not been told. */
static void tell_each(struct aic_conversation *conversation)
{
	struct aic_keys *keys = &conversation->keys;

	if (!is_told(conversation) || !conversation->provider->dtmf || conversation->phase != AIC_PHASE_ACTIVE) {
		return;
	}
	for (; keys->told < keys->count; keys->told++) {
		if (keys->pressed[keys->told] != ' ') {
			conversation->provider->dtmf(conversation, keys->pressed[keys->told]);
		}
	}
}

static void tell_in_words(struct aic_conversation *conversation, const char *number)
{
	const struct aic_provider *provider = conversation->provider;
	char text[AIC_PRESSED_MAX + 64];

	if (number[1]) {
		snprintf(text, sizeof(text), "The caller entered %s on the telephone keypad.", number);
	} else {
		snprintf(text, sizeof(text), "The caller pressed the key %s on the telephone keypad.", number);
	}
	/* An agent that only listens is not to answer. */
	bool is_context = conversation->settings->dtmf == AIC_DTMF_CONTEXT || conversation->listening.is_on;
	/* Nor one that has ended the conversation. */
	bool has_ended = conversation->tools_at_work.end_called_us != UINT64_MAX;

	if (is_context && provider->context) {
		provider->context(conversation, text);
	} else if (!has_ended && aic_own_words_say(conversation, text)) {
		aic_answer_expect_now(conversation);
	}
}

static void tell_number(struct aic_conversation *conversation, char *number)
{
	size_t length = strlen(number);

	if (length > 1 && aic_keys_is_terminator(conversation, number[length - 1])) {
		number[length - 1] = '\0';
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_KEYS, .keys = {.pressed = number}});
	if (is_told(conversation) && !conversation->provider->dtmf) {
		tell_in_words(conversation, number);
	}
}

/* Tells of all that was pressed. */
static void tell(struct aic_conversation *conversation)
{
	struct aic_keys pressed = conversation->keys;
	char *number = pressed.pressed;

	pressed.pressed[pressed.count] = '\0';
	conversation->keys = (struct aic_keys) {.count = 0};
	while (*number) {
		size_t length = strcspn(number, " ");
		char *next = number + length + (number[length] == ' ');

		number[length] = '\0';
		tell_number(conversation, number);
		number = next;
	}
}

/* Adds a key; where there is no room, what is there goes without it. */
static void add(struct aic_keys *keys, char key)
{
	if (keys->complete && keys->count < AIC_PRESSED_MAX) {
		keys->pressed[keys->count++] = ' ';
		keys->complete = false;
	}
	if (keys->count < AIC_PRESSED_MAX) {
		keys->pressed[keys->count++] = key;
	}
}

/* Digits of the number that is being pressed. */
static size_t length_of_last(const struct aic_keys *keys)
{
	size_t length = 0;

	while (length < keys->count && keys->pressed[keys->count - 1 - length] != ' ') {
		length++;
	}
	return length;
}

void aic_conversation_dtmf(struct aic_conversation *conversation, char digit, uint64_t now_us)
{
	const struct aic_settings *settings = conversation->settings;
	struct aic_keys *keys = &conversation->keys;

	conversation->now_us = now_us;
	if ((conversation->phase == AIC_PHASE_ACTIVE && aic_digits_take(conversation, digit))
		|| (conversation->phase != AIC_PHASE_ENDED && aic_activation_takes_key(conversation))) {
		conversation->stats.dtmf_digits++;
		return;
	}
	if (!settings->send_dtmf || settings->dtmf == AIC_DTMF_OFF || conversation->phase == AIC_PHASE_ENDED) {
		return;
	}
	conversation->stats.dtmf_digits++;
	aic_caller_idle_heard(&conversation->caller_idle, aic_idle_clock(conversation));
	add(keys, digit);
	tell_each(conversation);
	keys->complete = aic_keys_is_terminator(conversation, digit) || !settings->dtmf_interdigit_ms
		|| length_of_last(keys) >= (size_t) settings->dtmf_max_digits;
	keys->due_us = now_us + (keys->complete ? 0 : (uint64_t) settings->dtmf_interdigit_ms * US_PER_MS);
	if (conversation->phase == AIC_PHASE_ACTIVE && (keys->complete || keys->count == AIC_PRESSED_MAX)) {
		tell(conversation);
	}
}

void aic_keys_begin(struct aic_conversation *conversation)
{
	tell_each(conversation);
	if (conversation->keys.complete) {
		tell(conversation);
	}
}

uint64_t aic_keys_due(const struct aic_conversation *conversation)
{
	return conversation->phase == AIC_PHASE_ACTIVE && conversation->keys.count ? conversation->keys.due_us : UINT64_MAX;
}

bool aic_keys_attend(struct aic_conversation *conversation)
{
	tell(conversation);
	return true;
}
