/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * OpenAI Live: text messages, audio in base64. The client opens, and says when it closes. Asked for is mu-law, which
 * goes both ways.
 */
#include "service.h"
#include "typed_message.h"

#include <inttypes.h>
#include <stdio.h>

static const struct expectation settings[] = {
	{"session.model", JSON_TEXT, NULL, 0},
	{"session.audio.format.type", JSON_TEXT, "audio/pcmu", 0},
	{"session.audio.format.rate", JSON_INTEGER, NULL, 8000},
};

static const char *const others[] = {"session.commentary.append", "session.thinking.append",
	"session.instructions.append",
	"session.input_audio.mute", "session.input_audio.unmute", NULL};

static const struct typed_messages messages = {
	.opening = "session.start",
	.opening_has = settings,
	.opening_has_count = sizeof(settings) / sizeof(settings[0]),
	.audio = "session.input_audio.append",
	.audio_key = "audio",
	.audio_before = "{\"type\":\"session.input_audio.append\",\"audio\":\"",
	.audio_behind = "\"}",
	.farewell = "session.close",
	.others = others,
};

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	typed_message_read(&messages, text, length, message);
}

/* `reason`: why the session is closed; NULL: it is not. */
static struct service_message session_event(const char *type, uint64_t conversation, const char *reason)
{
	yajl_gen gen = service_message_open();
	char id[32];

	service_message_put_text(gen, "type", type);
	if (reason) {
		service_message_put_text(gen, "reason", reason);
	}
	service_message_open_object(gen, "session");
	snprintf(id, sizeof(id), "live_%" PRIu64, conversation);
	service_message_put_text(gen, "id", id);
	service_message_put_text(gen, "status", reason ? "closed" : "active");
	service_message_close_object(gen);
	return service_message_close(gen);
}

static struct service_message ready(uint64_t conversation, const struct agent *agent)
{
	return session_event("session.started", conversation, NULL);
}

static struct service_message goodbye(uint64_t conversation)
{
	return session_event("session.closed", conversation, "close_requested");
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	return service_message_of_audio("{\"type\":\"session.output_audio.delta\",\"delta\":\"", chunk, "\"}");
}

extern const struct service service_openai_live;
const struct service service_openai_live = {
	.name = "openai_live",
	.path = "/v1/live/sessions",
	.opening = "session.start",
	.farewell = "session.close",
	.sample_bytes = 1,
	.speech = SPEECH_ULAW_8000,
	.hears_what_it_says = true,
	.read = read_message,
	.ready = ready,
	.audio = audio,
	.goodbye = goodbye,
};
