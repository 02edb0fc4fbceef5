/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "client_message.h"

#include "base64_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void client_message_bad(struct client_message *message, const char *format, ...)
{
	va_list arguments;

	message->kind = CLIENT_BAD;
	va_start(arguments, format);
	vsnprintf(message->problem, sizeof(message->problem), format, arguments);
	va_end(arguments);
}

static bool take_base64(struct client_message *message, const char *text, size_t length)
{
	ssize_t bytes = base64_text_bytes(text, length);

	if (bytes <= 0) {
		return false;
	}
	message->kind = CLIENT_AUDIO;
	message->audio = (struct audio_chunk) {.bytes = (const uint8_t *) text, .length = length, .is_base64 = true};
	message->audio_bytes = (size_t) bytes;
	return true;
}

void client_message_base64(struct client_message *message, const char *key, const char *text, size_t length)
{
	if (!take_base64(message, text, length)) {
		client_message_bad(message, "%s: expected base64 of at least one byte, got %zu characters that are not", key,
			length);
	}
}

bool client_message_between(struct client_message *message, const char *text, size_t length, const char *before,
	const char *behind)
{
	size_t before_length = strlen(before), behind_length = strlen(behind);

	/* Where the rest is no base64 it may be that with a character escaped, or more than one key. */
	return length >= before_length + behind_length && !memcmp(text, before, before_length)
		&& !memcmp(text + length - behind_length, behind, behind_length)
		&& take_base64(message, text + before_length, length - before_length - behind_length);
}

static bool is_met(const struct expectation *expectation, const struct json_value *value)
{
	if (expectation->kind != value->kind) {
		return false;
	}
	switch (value->kind) {
	case JSON_TEXT:
		return expectation->text ? !strcmp(value->text, expectation->text) : value->length > 0;
	case JSON_INTEGER:
		return value->integer == expectation->integer;
	case JSON_ABSENT:
	case JSON_OTHER:
		break;
	}
	return true;
}

static void complain(struct client_message *message, const char *name, const struct expectation *expectation)
{
	switch (expectation->kind) {
	case JSON_TEXT:
		client_message_bad(message, "%s: expected %s to be %s%s", name, expectation->path, expectation->text
			? "the text " : "a text",
			expectation->text ? expectation->text : "");
		break;
	case JSON_INTEGER:
		client_message_bad(message, "%s: expected %s to be the integer %lld", name, expectation->path,
			expectation->integer);
		break;
	case JSON_ABSENT:
		client_message_bad(message, "%s: expected no %s", name, expectation->path);
		break;
	case JSON_OTHER:
		client_message_bad(message, "%s: expected an object %s", name, expectation->path);
		break;
	}
}

bool client_message_meets(struct client_message *message, const char *name, const struct expectation *expectations,
	size_t count, const char *text, size_t length)
{
	struct json_value values[EXPECTATIONS_MAX] = {{0}};

	for (size_t i = 0; i < count; i++) {
		values[i].path = expectations[i].path;
	}
	json_values_read(values, count, text, length);
	for (size_t i = 0; i < count; i++) {
		if (!is_met(&expectations[i], &values[i])) {
			complain(message, name, &expectations[i]);
			return false;
		}
	}
	return true;
}

bool client_message_is_among(const char *word, const char *const *words)
{
	while (*words) {
		if (!strcmp(word, *words++)) {
			return true;
		}
	}
	return false;
}
