/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Deepgram Voice Agent: JSON in text messages, audio as it is in binary ones. The service greets, the client tells its
 * settings, once. Asked for is mu-law both ways.
 */
#include "service.h"
#include "typed_message.h"

#include <inttypes.h>
#include <stdio.h>

static const struct expectation settings[] = {
	{"audio.input.encoding", JSON_TEXT, "mulaw", 0},
	{"audio.input.sample_rate", JSON_INTEGER, NULL, 8000},
	{"audio.output.encoding", JSON_TEXT, "mulaw", 0},
	{"audio.output.sample_rate", JSON_INTEGER, NULL, 8000},
	{"audio.output.container", JSON_TEXT, "none", 0},
	{"agent", JSON_OTHER, NULL, 0},
};

static const char *const others[] = {"KeepAlive", "UpdatePrompt", "UpdateSpeak", "UpdateThink", "UpdateListen",
	"InjectUserMessage",
	"InjectAgentMessage", "FunctionCallResponse", NULL};

static const struct typed_messages messages = {
	.opening = "Settings",
	.opening_has = settings,
	.opening_has_count = sizeof(settings) / sizeof(settings[0]),
	.others = others,
};

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	typed_message_read(&messages, text, length, message);
}

static struct service_message greet(uint64_t conversation)
{
	yajl_gen gen = service_message_open();
	char id[32];

	snprintf(id, sizeof(id), "request_%" PRIu64, conversation);
	service_message_put_text(gen, "type", "Welcome");
	service_message_put_text(gen, "request_id", id);
	return service_message_close(gen);
}

static struct service_message ready(uint64_t conversation, const struct agent *agent)
{
	yajl_gen gen = service_message_open();

	service_message_put_text(gen, "type", "SettingsApplied");
	return service_message_close(gen);
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	return service_message_of_bytes(chunk);
}

extern const struct service service_deepgram;
const struct service service_deepgram = {
	.name = "deepgram",
	.path = "/v1/agent/converse",
	.opening = "Settings",
	.sample_bytes = 1,
	.speech = SPEECH_ULAW_8000,
	.hears_what_it_says = true,
	.takes_binary = true,
	.read = read_message,
	.greet = greet,
	.ready = ready,
	.audio = audio,
};
