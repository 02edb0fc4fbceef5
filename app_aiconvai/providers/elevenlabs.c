/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * ElevenLabs Agents (Conversational AI): JSON in text messages, audio in base64, formats announced by the service.
 *
 * Opening: a private agent's signed URL is fetched with the account's key and is itself a secret; a public agent is
 * reached by its id alone. The first message is ours (initiation data), the first of the service announces the formats.
 * Facts follow the vendor's AsyncAPI schema and its Python and JavaScript clients; where those two disagree (whether
 * audio of exactly the interrupted event id still plays) the stricter one is followed: it does not.
 */
#include "audio_message.h"
#include "close_codes.h"
#include "provider_port.h"
#include "providers.h"
#include "url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a client that is told no input format is to send (the vendor's JavaScript client does the same). */
#define DEFAULT_FORMAT "pcm_16000"

/* The values of all the service's messages that we look at; a message fills in its own. */
struct elevenlabs_message {
	struct aic_text type;
	struct aic_text conversation_id, output_format, input_format;
	struct aic_json_integer ping_event_id, ping_ms;
	struct aic_json_bytes audio;
	struct aic_json_integer audio_event_id;
	struct aic_json_integer interruption_event_id;
	struct aic_text user_transcript;
	struct aic_json_integer user_transcript_event_id;
	struct aic_text tentative_user_transcript;
	struct aic_json_integer tentative_user_transcript_event_id;
	struct aic_text agent_response;
	struct aic_json_integer agent_response_event_id;
	struct aic_text corrected_agent_response;
	struct aic_json_integer correction_event_id;
	struct aic_json_number vad_score;
	struct aic_text tool_name, tool_call_id, tool_parameters;
	struct aic_text agent_tool_name;
	struct aic_json_boolean agent_tool_is_error;
	struct aic_text mcp_state, mcp_tool_name, mcp_tool_call_id;
	struct aic_json_integer error_code;
	struct aic_text error_type, error_message, error_reason;
	struct aic_text queue_status;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct elevenlabs_message, member)}

static const struct aic_json_field fields[] = {
	FIELD("type", AIC_JSON_STRING, type),
	/* Audio first: the lookup is linear, and nine messages in ten are audio. */
	FIELD("audio_event.audio_base_64", AIC_JSON_BASE64, audio),
	FIELD("audio_event.event_id", AIC_JSON_INTEGER, audio_event_id),
	FIELD("vad_score_event.vad_score", AIC_JSON_NUMBER, vad_score),
	FIELD("ping_event.event_id", AIC_JSON_INTEGER, ping_event_id),
	FIELD("ping_event.ping_ms", AIC_JSON_INTEGER, ping_ms),
	FIELD("interruption_event.event_id", AIC_JSON_INTEGER, interruption_event_id),
	FIELD("conversation_initiation_metadata_event.conversation_id", AIC_JSON_STRING, conversation_id),
	FIELD("conversation_initiation_metadata_event.agent_output_audio_format", AIC_JSON_STRING, output_format),
	FIELD("conversation_initiation_metadata_event.user_input_audio_format", AIC_JSON_STRING, input_format),
	FIELD("user_transcription_event.user_transcript", AIC_JSON_STRING, user_transcript),
	FIELD("user_transcription_event.event_id", AIC_JSON_INTEGER, user_transcript_event_id),
	FIELD("tentative_user_transcription_event.user_transcript", AIC_JSON_STRING, tentative_user_transcript),
	FIELD("tentative_user_transcription_event.event_id", AIC_JSON_INTEGER, tentative_user_transcript_event_id),
	FIELD("agent_response_event.agent_response", AIC_JSON_STRING, agent_response),
	FIELD("agent_response_event.event_id", AIC_JSON_INTEGER, agent_response_event_id),
	FIELD("agent_response_correction_event.corrected_agent_response", AIC_JSON_STRING, corrected_agent_response),
	FIELD("agent_response_correction_event.event_id", AIC_JSON_INTEGER, correction_event_id),
	FIELD("client_tool_call.tool_name", AIC_JSON_STRING, tool_name),
	FIELD("client_tool_call.tool_call_id", AIC_JSON_STRING, tool_call_id),
	FIELD("client_tool_call.parameters", AIC_JSON_RAW, tool_parameters),
	FIELD("agent_tool_response.tool_name", AIC_JSON_STRING, agent_tool_name),
	FIELD("agent_tool_response.is_error", AIC_JSON_BOOLEAN, agent_tool_is_error),
	FIELD("agent_tool_response_full_payload.tool_name", AIC_JSON_STRING, agent_tool_name),
	FIELD("agent_tool_response_full_payload.is_error", AIC_JSON_BOOLEAN, agent_tool_is_error),
	FIELD("mcp_tool_call.state", AIC_JSON_STRING, mcp_state),
	FIELD("mcp_tool_call.tool_name", AIC_JSON_STRING, mcp_tool_name),
	FIELD("mcp_tool_call.tool_call_id", AIC_JSON_STRING, mcp_tool_call_id),
	FIELD("error_event.code", AIC_JSON_INTEGER, error_code),
	FIELD("error_event.error_type", AIC_JSON_STRING, error_type),
	FIELD("error_event.message", AIC_JSON_STRING, error_message),
	FIELD("error_event.reason", AIC_JSON_STRING, error_reason),
	FIELD("queue_status_event.status", AIC_JSON_STRING, queue_status),
};

/* --- opening --- */

static int elevenlabs_open(const struct aic_settings *settings, struct aic_request *request)
{
	if (settings->conversation_url) {
		request->kind = AIC_REQUEST_WEBSOCKET;
		request->url = strdup(settings->conversation_url);
	} else if (settings->signed_url_endpoint) {
		request->kind = AIC_REQUEST_HTTP_GET;
		request->url = aic_url_with_query(settings->signed_url_endpoint, "agent_id", settings->agent_id);
		if (aic_request_add_header(request, "xi-api-key", settings->api_key)) {
			return -1;
		}
	} else {
		request->kind = AIC_REQUEST_WEBSOCKET;
		request->url = aic_url_with_query(settings->conversation_endpoint, "agent_id", settings->agent_id);
	}
	return request->url ? 0 : -1;
}

struct signed_url_reply {
	struct aic_text signed_url;
};

static const struct aic_json_field signed_url_fields[] = {
	{"signed_url", AIC_JSON_STRING, offsetof(struct signed_url_reply, signed_url)},
};

/*
 * Whether a host is an address, or this machine by name: no service has such a URL for others, but whoever answers in
 * its place may want something inside asked.
 */
static bool is_inside(const char *host)
{
	size_t length = strlen(host);
	const char *last = strrchr(host, '.');

	if (strchr(host, ':') || !strcasecmp(host, "localhost")) {
		return true;
	}
	if (length > strlen(".localhost") && !strcasecmp(host + length - strlen(".localhost"), ".localhost")) {
		return true;
	}
	/* 10.0.0.1, 167772161, 0xa000001: the last label of a name has a letter other than those of a number. */
	last = last ? last + 1 : host;
	return strspn(last, "0123456789") == strlen(last) || !strncasecmp(last, "0x", 2);
}

/* What is wrong with where a reply leads to; NULL: nothing. */
static const char *wrong_place(const struct aic_settings *settings, const struct aic_url *place)
{
	struct aic_url asked;

	if (aic_url_parse(settings->signed_url_endpoint, &asked)) {
		return NULL;
	}
	if (asked.secure && !place->secure) {
		return "the signed URL in the reply is ws://, though signed_url_endpoint is https://";
	}
	if (is_inside(place->host) && strcasecmp(place->host, asked.host)) {
		return "the signed URL in the reply leads to an address that is not signed_url_endpoint's own";
	}
	return NULL;
}

static int elevenlabs_http_reply(const struct aic_settings *settings, const char *body, size_t length,
	struct aic_request *request, char *error)
{
	struct signed_url_reply reply;
	struct aic_url parts;
	struct aic_json_reader *reader = aic_json_reader_new(signed_url_fields, 1, &reply, sizeof(reply));
	const char *wrong;
	int result = -1;

	if (!reader) {
		snprintf(error, AIC_REASON_MAX, "out of memory");
	} else if (aic_json_reader_feed(reader, body, length) || aic_json_reader_finish(reader)
		|| !reply.signed_url.bytes) {
		snprintf(error, AIC_REASON_MAX, "the reply to the request for a signed URL holds no signed_url: check "
			"signed_url_endpoint");
	} else if (strncmp(reply.signed_url.bytes, "ws", 2) || aic_url_parse(reply.signed_url.bytes, &parts)) {
		snprintf(error, AIC_REASON_MAX, "the signed URL in the reply is no ws:// or wss:// URL: check "
			"signed_url_endpoint");
	} else if ((wrong = wrong_place(settings, &parts))) {
		snprintf(error, AIC_REASON_MAX, "%s", wrong);
	} else {
		request->kind = AIC_REQUEST_WEBSOCKET;
		request->url = strdup(reply.signed_url.bytes);
		result = request->url ? 0 : -1;
		if (result) {
			snprintf(error, AIC_REASON_MAX, "out of memory");
		}
	}
	aic_json_reader_free(reader);
	return result;
}

static void put_overrides(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	const struct aic_settings *settings = aic_port_settings(conversation);
	const char *prompt = aic_port_prompt(conversation), *first_message = aic_port_first_message(conversation);
	bool agent = prompt || first_message || settings->language;

	if (!agent && !settings->voice_id) {
		return;
	}
	aic_json_open_object(writer, "conversation_config_override");
	if (agent) {
		aic_json_open_object(writer, "agent");
		if (prompt) {
			aic_json_open_object(writer, "prompt");
			aic_json_put_text(writer, "prompt", prompt);
			aic_json_close_object(writer);
		}
		if (first_message) {
			aic_json_put_text(writer, "first_message", first_message);
		}
		if (settings->language) {
			aic_json_put_text(writer, "language", settings->language);
		}
		aic_json_close_object(writer);
	}
	if (settings->voice_id) {
		aic_json_open_object(writer, "tts");
		aic_json_put_text(writer, "voice_id", settings->voice_id);
		aic_json_close_object(writer);
	}
	aic_json_close_object(writer);
}

static void elevenlabs_begin(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = aic_port_settings(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "conversation_initiation_client_data");
	size_t variable_count;

	aic_port_variables(conversation, &variable_count);
	put_overrides(conversation, writer);
	if (variable_count) {
		aic_port_put_variables(conversation, writer, "dynamic_variables");
	}
	if (settings->user_id) {
		aic_json_put_text(writer, "user_id", settings->user_id);
	}
	aic_json_open_object(writer, "source_info");
	/* The vendor has a list of them, on which Asterisk is not. */
	aic_json_put_text(writer, "source", "unknown");
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
}

/* --- messages from the service --- */

static int64_t event_id_or_none(struct aic_json_integer event_id)
{
	return event_id.present ? event_id.value : AIC_EVENT_ID_NONE;
}

static void on_metadata(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;
	const char *input_name = message->input_format.bytes ? message->input_format.bytes : DEFAULT_FORMAT;
	const char *output_name = message->output_format.bytes ? message->output_format.bytes : DEFAULT_FORMAT;
	struct aic_audio_format input, output;
	char text[AIC_REASON_MAX];

	if (aic_format_parse(input_name, &input) || aic_format_parse(output_name, &output)) {
		snprintf(text, sizeof(text),
			"the service announced the audio formats %.40s and %.40s, one of which is unknown: choose pcm_8000 to "
			"pcm_48000 or ulaw_8000 for the agent",
			input_name, output_name);
		aic_port_fail(conversation, text);
		return;
	}
	aic_port_ready(conversation, message->conversation_id.bytes ? message->conversation_id.bytes : "", input, output);
}

static void on_audio(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (!aic_port_is_audio(conversation, &message->audio)) {
		return;
	}
	aic_port_audio(conversation, message->audio_event_id.value, message->audio.bytes, message->audio.length);
}

static void on_ping(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;
	struct aic_json_writer *writer;

	aic_port_ping(conversation, message->ping_ms.present ? message->ping_ms.value : -1);
	writer = aic_port_begin(conversation, "pong");
	aic_json_put_integer(writer, "event_id", message->ping_event_id.value);
	aic_port_finish(conversation, writer);
}

static void on_interruption(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->interruption_event_id.present) {
		aic_port_interrupted(conversation, message->interruption_event_id.value);
	}
}

static void on_user_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->user_transcript.bytes) {
		aic_port_transcript(conversation, AIC_ROLE_CALLER, AIC_TRANSCRIPT_FINAL, message->user_transcript.bytes,
			event_id_or_none(message->user_transcript_event_id));
	}
}

static void on_tentative_user_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->tentative_user_transcript.bytes) {
		aic_port_transcript(conversation, AIC_ROLE_CALLER, AIC_TRANSCRIPT_TENTATIVE,
			message->tentative_user_transcript.bytes, event_id_or_none(message->tentative_user_transcript_event_id));
	}
}

static void on_agent_response(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->agent_response.bytes) {
		aic_port_transcript(conversation, AIC_ROLE_AGENT, AIC_TRANSCRIPT_FINAL, message->agent_response.bytes,
			event_id_or_none(message->agent_response_event_id));
	}
}

static void on_agent_response_correction(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->corrected_agent_response.bytes) {
		aic_port_transcript(conversation, AIC_ROLE_AGENT, AIC_TRANSCRIPT_CORRECTED,
			message->corrected_agent_response.bytes, event_id_or_none(message->correction_event_id));
	}
}

static void on_vad_score(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->vad_score.present) {
		aic_port_vad(conversation, message->vad_score.value);
	}
}

static void on_client_tool_call(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (!message->tool_call_id.bytes || !message->tool_name.bytes) {
		aic_port_error(conversation, "the service sent a tool call without a name or an id; it was ignored");
		return;
	}
	aic_port_tool_call(conversation, message->tool_call_id.bytes, message->tool_name.bytes,
		message->tool_parameters.bytes ? message->tool_parameters.bytes : "{}");
}

/* The agent's own tool to end the conversation; the vendor's JavaScript client takes it as the end, too. */
static void on_agent_tool_response(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->agent_tool_name.bytes && !strcmp(message->agent_tool_name.bytes, "end_call")
		&& !message->agent_tool_is_error.value) {
		aic_port_agent_ends(conversation);
	}
}

/* Nobody can approve a tool during a phone call, and an agent that waits five minutes for it is worse than a no. */
static void on_mcp_tool_call(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;
	struct aic_json_writer *writer;
	char text[AIC_REASON_MAX];

	if (!message->mcp_state.bytes || strcmp(message->mcp_state.bytes, "awaiting_approval")
		|| !message->mcp_tool_call_id.bytes) {
		return;
	}
	snprintf(text, sizeof(text), "the MCP tool %.100s asked for an approval, which a call cannot give; it was refused: "
		"set it to need no approval",
		message->mcp_tool_name.bytes ? message->mcp_tool_name.bytes : "?");
	aic_port_error(conversation, text);
	writer = aic_port_begin(conversation, "mcp_tool_approval_result");
	aic_json_put_text(writer, "tool_call_id", message->mcp_tool_call_id.bytes);
	aic_json_put_boolean(writer, "is_approved", false);
	aic_port_finish(conversation, writer);
}

static void on_error(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;
	char text[AIC_REASON_MAX];

	snprintf(text, sizeof(text), "error %" PRId64 " %.80s: %.200s", message->error_code.value,
		message->error_type.bytes ? message->error_type.bytes : "",
		message->error_message.bytes ? message->error_message.bytes : message->error_reason.bytes
		? message->error_reason.bytes : "no message");
	aic_port_error(conversation, text);
}

static void on_queue_status(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	if (message->queue_status.bytes && !strcmp(message->queue_status.bytes, "timed_out")) {
		aic_port_error(conversation, "the service's waiting queue timed out");
	}
}

/* What is in it is not published. */
static void on_client_error(struct aic_conversation *conversation, const void *record)
{
	(void) record;
	aic_port_warn(conversation, "the service reported an error of its client (client_error) without saying more");
}

static const struct aic_handler handlers[] = {
	{"audio", on_audio},
	{"vad_score", on_vad_score},
	{"ping", on_ping},
	{"interruption", on_interruption},
	{"conversation_initiation_metadata", on_metadata},
	{"user_transcript", on_user_transcript},
	{"tentative_user_transcript", on_tentative_user_transcript},
	{"agent_response", on_agent_response},
	{"agent_response_correction", on_agent_response_correction},
	{"client_tool_call", on_client_tool_call},
	{"agent_tool_response", on_agent_tool_response},
	{"agent_tool_response_full_payload", on_agent_tool_response},
	{"mcp_tool_call", on_mcp_tool_call},
	{"error", on_error},
	{"queue_status", on_queue_status},
	{"client_error", on_client_error},
	/* Known, and nothing to do for a phone call. */
	{"agent_chat_response_part", NULL},
	{"agent_tool_request", NULL},
	{"mcp_connection_status", NULL},
	{"asr_initiation_metadata", NULL},
	{"internal_tentative_agent_response", NULL},
	{"guardrail_triggered", NULL},
	{"context_usage", NULL},
	{"agent_response_metadata", NULL},
	{"agent_response_complete", NULL},
	{"dtmf_request", NULL},
};

static void elevenlabs_message(struct aic_conversation *conversation, const void *record)
{
	const struct elevenlabs_message *message = record;

	aic_port_dispatch(conversation, handlers, sizeof(handlers) / sizeof(handlers[0]), message->type.bytes, record);
}

/* --- messages to the service --- */

static int elevenlabs_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
	struct aic_buffer *out)
{
	(void) conversation;
	return aic_audio_message_write(out, "{\"user_audio_chunk\":\"", audio, length, "\"}");
}

static void send_text(struct aic_conversation *conversation, const char *type, const char *text)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, type);

	aic_json_put_text(writer, "text", text);
	aic_port_finish(conversation, writer);
}

static void elevenlabs_context(struct aic_conversation *conversation, const char *text)
{
	send_text(conversation, "contextual_update", text);
}

static void elevenlabs_user_message(struct aic_conversation *conversation, const char *text)
{
	send_text(conversation, "user_message", text);
}

static void elevenlabs_tool_result(struct aic_conversation *conversation, const struct aic_tool_result *result)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "client_tool_result");

	aic_json_put_text(writer, "tool_call_id", result->id);
	aic_json_put_text(writer, "result", result->text);
	aic_json_put_boolean(writer, "is_error", result->is_error);
	aic_port_finish(conversation, writer);
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{.code = 1000, .status = AIC_STATUS_COMPLETED, .sentence = "the agent ended the conversation"},
	{.code = 1002, .status = AIC_STATUS_LOST, .retry = true, .sentence = "the service could not go on"},
	{.code = 1008, .status = AIC_STATUS_LOST, .sentence = "the service refused what it was sent",
		.advice = "check the agent's settings, its overrides and dynamic variables"},
	{.code = 3000, .status = AIC_STATUS_LOST, .sentence = "the service refused the agent",
		.advice = "check agent_id, api_key and the signed URL"},
	{.code = 3008, .status = AIC_STATUS_LOST, .sentence = "the service's waiting queue timed out"},
	{.code = 4300, .status = AIC_STATUS_LOST, .sentence = "the service's waiting queue timed out"},
};

const struct aic_provider aic_provider_elevenlabs = {
	.name = "elevenlabs",
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct elevenlabs_message),
	.open = elevenlabs_open,
	.http_reply = elevenlabs_http_reply,
	.begin = elevenlabs_begin,
	.message = elevenlabs_message,
	.encode_audio = elevenlabs_encode_audio,
	.context = elevenlabs_context,
	.user_message = elevenlabs_user_message,
	.tool_result = elevenlabs_tool_result,
	.closes = closes,
	.close_count = sizeof(closes) / sizeof(closes[0]),
};
