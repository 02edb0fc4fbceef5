/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The generic protocol (docs/protocol/websocket.md): text messages, audio in base64. The client opens. Asked for is
 * mu-law, which goes both ways; at another path what is asked for by default, 16-bit samples at 16 kHz.
 */
#include "service.h"
#include "typed_message.h"

#include <inttypes.h>
#include <stdio.h>

/* The path is the server's own choice. */
#define PATH "/agent"
#define PATH_16000 "/agent16"

static const struct expectation config[] = {
	{"config.audio_format", JSON_TEXT, "g711_ulaw", 0},
	{"config.sample_rate", JSON_INTEGER, NULL, 8000},
	{"config.channels", JSON_INTEGER, NULL, 1},
};

static const struct expectation config_16000[] = {
	{"config.audio_format", JSON_TEXT, "pcm16", 0},
	{"config.sample_rate", JSON_INTEGER, NULL, 16000},
	{"config.channels", JSON_INTEGER, NULL, 1},
};

static const struct expectation audio_has[] = {
	{"format", JSON_TEXT, "g711_ulaw", 0},
};

static const struct expectation audio_has_16000[] = {
	{"format", JSON_TEXT, "pcm16", 0},
};

static const char *const others[] = {"text.input", "dtmf", "tool_result", "mark", NULL};

static const struct typed_messages messages = {
	.opening = "session.init",
	.opening_has = config,
	.opening_has_count = sizeof(config) / sizeof(config[0]),
	.audio = "audio.input",
	.audio_key = "audio",
	.audio_before = "{\"type\":\"audio.input\",\"audio\":\"",
	.audio_behind = "\",\"format\":\"g711_ulaw\"}",
	.audio_has = audio_has,
	.audio_has_count = sizeof(audio_has) / sizeof(audio_has[0]),
	.others = others,
};

static const struct typed_messages messages_16000 = {
	.opening = "session.init",
	.opening_has = config_16000,
	.opening_has_count = sizeof(config_16000) / sizeof(config_16000[0]),
	.audio = "audio.input",
	.audio_key = "audio",
	.audio_before = "{\"type\":\"audio.input\",\"audio\":\"",
	.audio_behind = "\",\"format\":\"pcm16\"}",
	.audio_has = audio_has_16000,
	.audio_has_count = sizeof(audio_has_16000) / sizeof(audio_has_16000[0]),
	.others = others,
};

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	typed_message_read(&messages, text, length, message);
}

static void read_message_16000(void *state, const char *text, size_t length, struct client_message *message)
{
	typed_message_read(&messages_16000, text, length, message);
}

static struct service_message ready(uint64_t conversation, const struct agent *agent)
{
	yajl_gen gen = service_message_open();
	char id[32];

	snprintf(id, sizeof(id), "session_%" PRIu64, conversation);
	service_message_put_text(gen, "type", "session_started");
	service_message_put_text(gen, "session_id", id);
	return service_message_close(gen);
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	char before[64];

	snprintf(before, sizeof(before), "{\"type\":\"audio_delta\",\"event_id\":%" PRId64 ",\"audio\":\"", event_id);
	return service_message_of_audio(before, chunk, "\"}");
}

extern const struct service service_websocket, service_websocket_16000;
const struct service service_websocket = {
	.name = "websocket",
	.path = PATH,
	.opening = "session.init",
	.sample_bytes = 1,
	.speech = SPEECH_ULAW_8000,
	.hears_what_it_says = true,
	.read = read_message,
	.ready = ready,
	.audio = audio,
};

const struct service service_websocket_16000 = {
	.name = "websocket",
	.path = PATH_16000,
	.opening = "session.init",
	.sample_bytes = 2,
	.speech = SPEECH_PCM_16000,
	.hears_what_it_says = true,
	.read = read_message_16000,
	.ready = ready,
	.audio = audio,
};
