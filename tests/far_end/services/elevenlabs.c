/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * ElevenLabs: text messages, audio in base64, in the format of the agent's own settings. The client opens. Pings are to
 * be answered.
 */
#include "service.h"
#include "typed_message.h"

#include "signed_url.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const others[] = {"client_tool_result", "contextual_update", "user_message", "user_activity",
	"feedback",
	"mcp_tool_approval_result", "multimodal_message", NULL};

static const struct typed_messages messages = {
	.opening = "conversation_initiation_client_data",
	.audio_key = "user_audio_chunk",
	.audio_before = "{\"user_audio_chunk\":\"",
	.audio_behind = "\"}",
	.pong = "pong",
	.others = others,
};

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	typed_message_read(&messages, text, length, message);
}

/* Opens {"type": `type`, `event`: { */
static yajl_gen open_event(const char *type, const char *event)
{
	yajl_gen gen = service_message_open();

	service_message_put_text(gen, "type", type);
	service_message_open_object(gen, event);
	return gen;
}

static struct service_message close_event(yajl_gen gen)
{
	service_message_close_object(gen);
	return service_message_close(gen);
}

static struct service_message ready(uint64_t conversation, const struct agent *agent)
{
	yajl_gen gen = open_event("conversation_initiation_metadata", "conversation_initiation_metadata_event");
	char id[32];

	snprintf(id, sizeof(id), "conv_%" PRIu64, conversation);
	service_message_put_text(gen, "conversation_id", id);
	service_message_put_text(gen, "agent_output_audio_format", agent->format);
	service_message_put_text(gen, "user_input_audio_format", agent->format);
	return close_event(gen);
}

static struct service_message ping(int64_t event_id)
{
	yajl_gen gen = open_event("ping", "ping_event");

	service_message_put_integer(gen, "event_id", event_id);
	service_message_put_null(gen, "ping_ms");
	return close_event(gen);
}

static struct service_message interruption(int64_t event_id)
{
	yajl_gen gen = open_event("interruption", "interruption_event");

	service_message_put_text(gen, "reason", "user");
	service_message_put_integer(gen, "event_id", event_id);
	return close_event(gen);
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	char behind[48];

	snprintf(behind, sizeof(behind), "\",\"event_id\":%" PRId64 "}}", event_id);
	return service_message_of_audio("{\"type\":\"audio\",\"audio_event\":{\"audio_base_64\":\"", chunk, behind);
}

extern const struct service service_elevenlabs;
const struct service service_elevenlabs = {
	.name = "elevenlabs",
	.path = CONVERSATION_PATH,
	.opening = "conversation_initiation_client_data",
	.speech = SPEECH_ULAW_8000,
	.hears_what_it_says = true,
	.read = read_message,
	.ready = ready,
	.ping = ping,
	.audio = audio,
	.interruption = interruption,
};
