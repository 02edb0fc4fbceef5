/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * OpenAI Realtime: text messages, audio in base64. The service greets, the client tells the session's settings. It may
 * do so again with the real one, but has no reason to; here the settings are told once. Asked for is mu-law both ways.
 */
#include "service.h"
#include "typed_message.h"

#include <inttypes.h>
#include <stdio.h>

static const struct expectation settings[] = {
	{"session.type", JSON_TEXT, "realtime", 0},
	{"session.audio.input.format.type", JSON_TEXT, "audio/pcmu", 0},
	{"session.audio.output.format.type", JSON_TEXT, "audio/pcmu", 0},
};

static const char *const others[] = {"input_audio_buffer.commit", "input_audio_buffer.clear", "response.create",
	"response.cancel",
	"conversation.item.create", "conversation.item.delete", "conversation.item.retrieve", "conversation.item.truncate",
	NULL};

static const struct typed_messages messages = {
	.opening = "session.update",
	.opening_has = settings,
	.opening_has_count = sizeof(settings) / sizeof(settings[0]),
	.audio = "input_audio_buffer.append",
	.audio_key = "audio",
	.audio_before = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"",
	.audio_behind = "\"}",
	.others = others,
};

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	typed_message_read(&messages, text, length, message);
}

/* An event about the session, which it opens and leaves open. */
static yajl_gen open_session_event(const char *type, uint64_t conversation)
{
	yajl_gen gen = service_message_open();
	char id[32];

	service_message_put_text(gen, "type", type);
	snprintf(id, sizeof(id), "event_%s", type);
	service_message_put_text(gen, "event_id", id);
	service_message_open_object(gen, "session");
	service_message_put_text(gen, "type", "realtime");
	snprintf(id, sizeof(id), "sess_%" PRIu64, conversation);
	service_message_put_text(gen, "id", id);
	return gen;
}

static struct service_message close_session_event(yajl_gen gen)
{
	service_message_close_object(gen);
	return service_message_close(gen);
}

static struct service_message greet(uint64_t conversation)
{
	return close_session_event(open_session_event("session.created", conversation));
}

static void put_format(yajl_gen gen, const char *direction)
{
	service_message_open_object(gen, direction);
	service_message_open_object(gen, "format");
	service_message_put_text(gen, "type", "audio/pcmu");
	service_message_close_object(gen);
	service_message_close_object(gen);
}

static struct service_message ready(uint64_t conversation, const struct agent *agent)
{
	yajl_gen gen = open_session_event("session.updated", conversation);

	service_message_open_object(gen, "audio");
	put_format(gen, "input");
	put_format(gen, "output");
	service_message_close_object(gen);
	return close_session_event(gen);
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	char before[256];

	snprintf(before, sizeof(before),
		"{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_audio\",\"response_id\":\"resp_%" PRId64
		"\",\"item_id\":\"item_%" PRId64 "\",\"output_index\":0,\"content_index\":0,\"delta\":\"",
		event_id, event_id);
	return service_message_of_audio(before, chunk, "\"}");
}

extern const struct service service_openai;
const struct service service_openai = {
	.name = "openai",
	.path = "/v1/realtime",
	.opening = "session.update",
	.sample_bytes = 1,
	.speech = SPEECH_ULAW_8000,
	.hears_what_it_says = true,
	.read = read_message,
	.greet = greet,
	.ready = ready,
	.audio = audio,
};
