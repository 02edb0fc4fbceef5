/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service_message.h"

#include "outgoing.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

/* Audio is nearly all there is to send: its text is put together here, around base64 that needs no escape in JSON. */
static const char audio_before[] = "{\"type\":\"audio\",\"audio_event\":{\"audio_base_64\":\"";

#define BEFORE_LENGTH (sizeof(audio_before) - 1)

/* Room for what comes behind the audio. */
#define BEHIND_MAX 48

static void put_text(yajl_gen gen, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *) text, strlen(text));
}

/* Opens {"type": `type`, `event`: { */
static yajl_gen open_event(const char *type, const char *event)
{
	yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen) {
		fprintf(stderr, "far_end: out of memory for a message\n");
		abort();
	}
	yajl_gen_map_open(gen);
	put_text(gen, "type");
	put_text(gen, type);
	put_text(gen, event);
	yajl_gen_map_open(gen);
	return gen;
}

static struct service_message close_event(yajl_gen gen)
{
	struct service_message message = {0};
	const unsigned char *text;

	yajl_gen_map_close(gen);
	yajl_gen_map_close(gen);
	if (yajl_gen_get_buf(gen, &text, &message.length) == yajl_gen_status_ok) {
		message.bytes = outgoing_scratch(message.length);
		memcpy(message.bytes, text, message.length);
	}
	yajl_gen_free(gen);
	return message;
}

struct service_message service_message_metadata(uint64_t conversation, const char *format)
{
	yajl_gen gen = open_event("conversation_initiation_metadata", "conversation_initiation_metadata_event");
	char id[32];

	snprintf(id, sizeof(id), "conv_%" PRIu64, conversation);
	put_text(gen, "conversation_id");
	put_text(gen, id);
	put_text(gen, "agent_output_audio_format");
	put_text(gen, format);
	put_text(gen, "user_input_audio_format");
	put_text(gen, format);
	return close_event(gen);
}

struct service_message service_message_ping(int64_t event_id)
{
	yajl_gen gen = open_event("ping", "ping_event");

	put_text(gen, "event_id");
	yajl_gen_integer(gen, event_id);
	put_text(gen, "ping_ms");
	yajl_gen_null(gen);
	return close_event(gen);
}

struct service_message service_message_interruption(int64_t event_id)
{
	yajl_gen gen = open_event("interruption", "interruption_event");

	put_text(gen, "reason");
	put_text(gen, "user");
	put_text(gen, "event_id");
	yajl_gen_integer(gen, event_id);
	return close_event(gen);
}

/* Closes a message of audio whose base64 ends at `end`. */
static size_t close_audio(const struct service_message *message, uint8_t *end, int64_t event_id)
{
	return (size_t) (end - message->bytes) + (size_t) snprintf((char *) end, BEHIND_MAX, "\",\"event_id\":%" PRId64 "}}", event_id);
}

struct service_message service_message_audio_text(const char *base64, size_t length, int64_t event_id)
{
	struct service_message message = {.bytes = outgoing_scratch(BEFORE_LENGTH + length + BEHIND_MAX)};

	memcpy(message.bytes, audio_before, BEFORE_LENGTH);
	memcpy(message.bytes + BEFORE_LENGTH, base64, length);
	message.length = close_audio(&message, message.bytes + BEFORE_LENGTH + length, event_id);
	return message;
}

struct service_message service_message_audio(const uint8_t *audio, size_t length, int64_t event_id)
{
	struct service_message message = {.bytes = outgoing_scratch(BEFORE_LENGTH + (length + 2) / 3 * 4 + BEHIND_MAX)};
	int characters;

	memcpy(message.bytes, audio_before, BEFORE_LENGTH);
	characters = EVP_EncodeBlock(message.bytes + BEFORE_LENGTH, audio, (int) length);
	message.length = close_audio(&message, message.bytes + BEFORE_LENGTH + characters, event_id);
	return message;
}
