/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service_message.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int service_message_send(struct outgoing *outgoing, struct service_message message)
{
	return outgoing_send(outgoing, message.bytes, message.length, message.kind);
}

static void put_key(yajl_gen gen, const char *key)
{
	yajl_gen_string(gen, (const unsigned char *) key, strlen(key));
}

yajl_gen service_message_open(void)
{
	yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen) {
		fprintf(stderr, "far_end: out of memory for a message\n");
		abort();
	}
	yajl_gen_map_open(gen);
	return gen;
}

void service_message_put_text(yajl_gen gen, const char *key, const char *value)
{
	put_key(gen, key);
	yajl_gen_string(gen, (const unsigned char *) value, strlen(value));
}

void service_message_put_integer(yajl_gen gen, const char *key, int64_t value)
{
	put_key(gen, key);
	yajl_gen_integer(gen, value);
}

void service_message_put_null(yajl_gen gen, const char *key)
{
	put_key(gen, key);
	yajl_gen_null(gen);
}

void service_message_open_object(yajl_gen gen, const char *key)
{
	put_key(gen, key);
	yajl_gen_map_open(gen);
}

void service_message_close_object(yajl_gen gen)
{
	yajl_gen_map_close(gen);
}

struct service_message service_message_close(yajl_gen gen)
{
	struct service_message message = {.kind = LWS_WRITE_TEXT};
	const unsigned char *text;

	yajl_gen_map_close(gen);
	if (yajl_gen_get_buf(gen, &text, &message.length) == yajl_gen_status_ok) {
		message.bytes = outgoing_scratch(message.length);
		memcpy(message.bytes, text, message.length);
	}
	yajl_gen_free(gen);
	return message;
}

struct service_message service_message_of_audio(const char *before, const struct audio_chunk *chunk, const char *behind)
{
	size_t before_length = strlen(before), behind_length = strlen(behind);
	size_t characters = chunk->is_base64 ? chunk->length : (chunk->length + 2) / 3 * 4;
	/* One more: EVP_EncodeBlock() terminates. */
	struct service_message message = {
		.bytes = outgoing_scratch(before_length + characters + behind_length + 1),
		.length = before_length + characters + behind_length,
		.kind = LWS_WRITE_TEXT,
	};

	memcpy(message.bytes, before, before_length);
	if (chunk->is_base64) {
		memcpy(message.bytes + before_length, chunk->bytes, characters);
	} else {
		EVP_EncodeBlock(message.bytes + before_length, chunk->bytes, (int) chunk->length);
	}
	memcpy(message.bytes + before_length + characters, behind, behind_length);
	return message;
}

struct service_message service_message_of_bytes(const struct audio_chunk *chunk)
{
	struct service_message message = {.bytes = outgoing_scratch(chunk->length), .length = chunk->length,
		.kind = LWS_WRITE_BINARY};

	memcpy(message.bytes, chunk->bytes, chunk->length);
	return message;
}
