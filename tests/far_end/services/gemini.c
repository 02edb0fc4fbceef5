/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Gemini Live: messages without a type, told apart by their one member; audio in base64, 16-bit samples at 16 kHz to
 * the service and at 24 kHz from it. The client opens. The service's messages are binary ones, though they are JSON.
 */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>

#define MIME_TYPE "audio/pcm;rate=16000"
#define AUDIO_KEY "realtimeInput.audio.data"
#define AUDIO_BEFORE "{\"realtimeInput\":{\"audio\":{\"mimeType\":\"" MIME_TYPE "\",\"data\":\""

static const struct expectation setup_has[] = {
	{"setup.model", JSON_TEXT, NULL, 0},
	{"setup.generationConfig", JSON_OTHER, NULL, 0},
};

static const struct expectation audio_has[] = {
	{"realtimeInput.audio.mimeType", JSON_TEXT, MIME_TYPE, 0},
	{AUDIO_KEY, JSON_TEXT, NULL, 0},
};

enum {
	SETUP,
	INPUT,
	AUDIO,
	TOOL_RESPONSE,
	CLIENT_CONTENT,
	VALUES,
};

/* A message that is known to be JSON. */
static void read_audio(const char *text, size_t length, struct client_message *message)
{
	struct json_value data = {.path = AUDIO_KEY};

	if (!client_message_meets(message, "realtimeInput", audio_has, sizeof(audio_has) / sizeof(audio_has[0]), text,
		length)) {
		return;
	}
	json_values_read(&data, 1, text, length);
	client_message_base64(message, AUDIO_KEY, data.text, data.length);
}

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	struct json_value values[VALUES] = {[SETUP] = {.path = "setup"}, [INPUT] = {.path = "realtimeInput"},
		[AUDIO] = {.path = "realtimeInput.audio"}, [TOOL_RESPONSE] = {.path = "toolResponse"},
		[CLIENT_CONTENT] = {.path = "clientContent"}};

	if (client_message_between(message, text, length, AUDIO_BEFORE, "\"}}}")) {
		return;
	}
	if (!json_values_read(values, VALUES, text, length)) {
		client_message_bad(message, "expected a JSON object, got %zu bytes that are not", length);
	} else if (values[SETUP].kind == JSON_OTHER) {
		message->kind = CLIENT_OPENING;
		client_message_meets(message, "setup", setup_has, sizeof(setup_has) / sizeof(setup_has[0]), text, length);
	} else if (values[AUDIO].kind != JSON_ABSENT) {
		read_audio(text, length, message);
	} else if (values[INPUT].kind == JSON_OTHER || values[TOOL_RESPONSE].kind == JSON_OTHER
		|| values[CLIENT_CONTENT].kind == JSON_OTHER) {
		message->kind = CLIENT_OTHER;
	} else {
		client_message_bad(message, "none of setup, realtimeInput, toolResponse and clientContent among the keys");
	}
}

static struct service_message in_binary(struct service_message message)
{
	message.kind = LWS_WRITE_BINARY;
	return message;
}

static struct service_message ready(uint64_t conversation, const struct agent *agent)
{
	yajl_gen gen = service_message_open();
	char id[32];

	snprintf(id, sizeof(id), "session_%" PRIu64, conversation);
	service_message_open_object(gen, "setupComplete");
	service_message_put_text(gen, "sessionId", id);
	service_message_close_object(gen);
	return in_binary(service_message_close(gen));
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	return in_binary(service_message_of_audio(
		"{\"serverContent\":{\"modelTurn\":{\"role\":\"model\",\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=24000\",\"data\":\"", chunk,
		"\"}}]}}}"));
}

extern const struct service service_gemini;
const struct service service_gemini = {
	.name = "gemini",
	.path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
	.opening = "setup",
	.sample_bytes = 2,
	.speech = SPEECH_PCM_24000,
	.read = read_message,
	.ready = ready,
	.audio = audio,
};
