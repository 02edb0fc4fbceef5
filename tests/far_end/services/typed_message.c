/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "typed_message.h"

#include <string.h>

enum {
	TYPE,
	EVENT_ID,
	VALUES,
};

/* A message that is known to be JSON, and audio if it is anything. */
static void read_audio(const struct typed_messages *messages, const char *text, size_t length,
	struct client_message *message)
{
	struct json_value audio = {.path = messages->audio_key};

	if (!client_message_meets(message, messages->audio, messages->audio_has, messages->audio_has_count, text, length)) {
		return;
	}
	json_values_read(&audio, 1, text, length);
	if (audio.kind == JSON_TEXT) {
		client_message_base64(message, messages->audio_key, audio.text, audio.length);
	} else if (messages->audio) {
		client_message_bad(message, "%s: expected %s to be a text", messages->audio, messages->audio_key);
	} else {
		client_message_bad(message, "neither type nor %s among the keys", messages->audio_key);
	}
}

static void read_untyped(const struct typed_messages *messages, const char *text, size_t length,
	struct client_message *message)
{
	if (messages->audio_key && !messages->audio) {
		read_audio(messages, text, length, message);
	} else {
		client_message_bad(message, "no type among the keys");
	}
}

static bool is(const char *type, const char *other)
{
	return other && !strcmp(type, other);
}

void typed_message_read(const struct typed_messages *messages, const char *text, size_t length,
	struct client_message *message)
{
	struct json_value values[VALUES] = {[TYPE] = {.path = "type"}, [EVENT_ID] = {.path = "event_id"}};
	const char *type;

	if (messages->audio_before && client_message_between(message, text, length, messages->audio_before,
		messages->audio_behind)) {
		return;
	}
	if (!json_values_read(values, VALUES, text, length)) {
		client_message_bad(message, "expected a JSON object, got %zu bytes that are not", length);
		return;
	}
	if (values[TYPE].kind != JSON_TEXT) {
		read_untyped(messages, text, length, message);
		return;
	}
	type = values[TYPE].text;
	if (is(type, messages->opening)) {
		message->kind = CLIENT_OPENING;
		client_message_meets(message, messages->opening, messages->opening_has, messages->opening_has_count, text,
			length);
	} else if (is(type, messages->audio)) {
		read_audio(messages, text, length, message);
	} else if (is(type, messages->pong)) {
		message->kind = CLIENT_PONG;
		message->event_id = values[EVENT_ID].integer;
		if (values[EVENT_ID].kind != JSON_INTEGER) {
			client_message_bad(message, "%s: expected an integer event_id", messages->pong);
		}
	} else if (is(type, messages->farewell)) {
		message->kind = CLIENT_FAREWELL;
	} else if (client_message_is_among(type, messages->others)) {
		message->kind = CLIENT_OTHER;
	} else {
		client_message_bad(message, "unknown type \"%.64s\"", type);
	}
}
