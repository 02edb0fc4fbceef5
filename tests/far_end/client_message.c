/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "client_message.h"

#include "base64_text.h"
#include "buffer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

static const char audio_before[] = "{\"user_audio_chunk\":\"", audio_behind[] = "\"}";

#define BEFORE_LENGTH (sizeof(audio_before) - 1)
#define BEHIND_LENGTH (sizeof(audio_behind) - 1)

enum key {
	KEY_OTHER,
	KEY_TYPE,
	KEY_AUDIO,
	KEY_EVENT_ID,
};

struct reading {
	unsigned int depth;
	enum key key; /* of the object itself, whose value comes next */
	bool is_object, has_type, has_audio, has_event_id;
	char type[64]; /* what is longer is no type we know */
	long long event_id;
};

/* Of the audio of the last message that was not in its usual spelling. */
static struct aic_buffer parsed_audio;

static const char *const other_types[] = {"client_tool_result", "contextual_update", "user_message", "user_activity", "feedback",
	"mcp_tool_approval_result", "multimodal_message"};

static int on_scalar(void *arg)
{
	struct reading *reading = arg;

	reading->key = KEY_OTHER;
	return 1;
}

static int on_boolean(void *arg, int value)
{
	return on_scalar(arg);
}

static int on_integer(void *arg, long long value)
{
	struct reading *reading = arg;

	if (reading->depth == 1 && reading->key == KEY_EVENT_ID) {
		reading->has_event_id = true;
		reading->event_id = value;
	}
	return on_scalar(arg);
}

static int on_double(void *arg, double value)
{
	return on_scalar(arg);
}

static int on_string(void *arg, const unsigned char *text, size_t length)
{
	struct reading *reading = arg;

	if (reading->depth == 1 && reading->key == KEY_TYPE) {
		reading->has_type = true;
		snprintf(reading->type, sizeof(reading->type), "%.*s", (int) (length < sizeof(reading->type) ? length : 0), (const char *) text);
	} else if (reading->depth == 1 && reading->key == KEY_AUDIO) {
		reading->has_audio = true;
		parsed_audio.length = 0;
		if (aic_buffer_append(&parsed_audio, text, length)) {
			return 0;
		}
	}
	return on_scalar(arg);
}

static int on_key(void *arg, const unsigned char *text, size_t length)
{
	struct reading *reading = arg;

	if (reading->depth == 1) {
		static const char *const names[] = {[KEY_TYPE] = "type", [KEY_AUDIO] = "user_audio_chunk", [KEY_EVENT_ID] = "event_id"};

		reading->key = KEY_OTHER;
		for (enum key key = KEY_TYPE; key <= KEY_EVENT_ID; key++) {
			if (strlen(names[key]) == length && !memcmp(names[key], text, length)) {
				reading->key = key;
			}
		}
	}
	return 1;
}

static int on_open_object(void *arg)
{
	struct reading *reading = arg;

	if (!reading->depth++) {
		reading->is_object = true;
	}
	return 1;
}

static int on_open_array(void *arg)
{
	((struct reading *) arg)->depth++;
	return 1;
}

static int on_close(void *arg)
{
	((struct reading *) arg)->depth--;
	return on_scalar(arg);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_scalar,
	.yajl_boolean = on_boolean,
	.yajl_integer = on_integer,
	.yajl_double = on_double,
	.yajl_string = on_string,
	.yajl_map_key = on_key,
	.yajl_start_map = on_open_object,
	.yajl_end_map = on_close,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close,
};

/* Returns whether it is JSON. */
static bool parse(struct reading *reading, const char *text, size_t length)
{
	yajl_handle handle = yajl_alloc(&callbacks, NULL, reading);
	bool good;

	if (!handle) {
		return false;
	}
	good = yajl_parse(handle, (const unsigned char *) text, length) == yajl_status_ok
		&& yajl_complete_parse(handle) == yajl_status_ok;
	yajl_free(handle);
	return good;
}

static void read_audio(struct client_message *message, const char *audio, size_t length)
{
	ssize_t bytes = base64_text_bytes(audio, length);

	if (bytes <= 0) {
		snprintf(message->problem, sizeof(message->problem), "user_audio_chunk: expected base64 of at least one byte, got %zu characters that are not", length);
		return;
	}
	message->kind = CLIENT_AUDIO;
	message->audio = audio;
	message->audio_length = length;
	message->audio_bytes = (size_t) bytes;
}

static void read_typed(struct client_message *message, const struct reading *reading)
{
	if (!strcmp(reading->type, "conversation_initiation_client_data")) {
		message->kind = CLIENT_INITIATION;
		return;
	}
	if (!strcmp(reading->type, "pong")) {
		if (!reading->has_event_id) {
			snprintf(message->problem, sizeof(message->problem), "pong: expected an integer event_id");
			return;
		}
		message->kind = CLIENT_PONG;
		message->event_id = reading->event_id;
		return;
	}
	for (size_t i = 0; i < sizeof(other_types) / sizeof(*other_types); i++) {
		if (!strcmp(reading->type, other_types[i])) {
			message->kind = CLIENT_OTHER;
			return;
		}
	}
	snprintf(message->problem, sizeof(message->problem), "unknown type \"%s\"", reading->type);
}

void client_message_read(struct client_message *message, const char *text, size_t length)
{
	struct reading reading = {0};

	message->kind = CLIENT_BAD;
	message->problem[0] = '\0';
	if (length >= BEFORE_LENGTH + BEHIND_LENGTH && !memcmp(text, audio_before, BEFORE_LENGTH)
		&& !memcmp(text + length - BEHIND_LENGTH, audio_behind, BEHIND_LENGTH)) {
		read_audio(message, text + BEFORE_LENGTH, length - BEFORE_LENGTH - BEHIND_LENGTH);
		if (message->kind == CLIENT_AUDIO) {
			return;
		}
		/* It may be base64 with a character escaped, or more than one key. */
	}
	if (!parse(&reading, text, length) || !reading.is_object) {
		snprintf(message->problem, sizeof(message->problem), "expected a JSON object, got %zu bytes that are not", length);
	} else if (reading.has_type) {
		read_typed(message, &reading);
	} else if (reading.has_audio) {
		read_audio(message, (const char *) parsed_audio.bytes, parsed_audio.length);
	} else {
		snprintf(message->problem, sizeof(message->problem), "neither type nor user_audio_chunk among the keys");
	}
}

void client_message_end(void)
{
	aic_buffer_free(&parsed_audio);
}
