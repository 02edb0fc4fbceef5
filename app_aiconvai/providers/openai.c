/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * OpenAI Realtime, in the shape it has since it is generally available; and servers that speak its protocol. JSON in text messages, audio in base64.
 *
 * Opening: the account's key as a bearer token. The service speaks first (session.created), is told the session's settings (session.update) and confirms
 * them (session.updated): then audio flows. G.711 lines keep their format end to end, others are resampled to 24 kHz.
 *
 * The service sends an answer as fast as it can and forgets what has been heard of it: when the caller begins to speak it is told, item by item
 * (conversation.item.truncate). Its names for items and responses are texts; here items get numbers that grow, the event ids of the engine.
 *
 * Facts follow the vendor's OpenAPI description and the types of its Python client. Names of events from before general availability are understood too:
 * servers made by others still use them.
 */
#include "audio_message.h"
#include "close_codes.h"
#include "provider_port.h"
#include "providers.h"
#include "url.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* The only rate of linear audio the service takes and gives. */
#define LINEAR_RATE 24000

/* Items whose names are remembered: the agent speaks one at a time, and a few more may be queued behind it. */
#define ITEMS 8

/* Ids that are longer are no ids of this service; they are cut, and then do not match. */
#define ID_MAX 128

/* What our messages are called that may be refused without harm: the service quotes the name in its error. */
#define HARMLESS "aiconvai-harmless"

/* Longest part of the caller's words that is told before all of them are there. */
#define TENTATIVE_MAX 1024

/* An item of the agent's speech. */
struct item {
	char id[ID_MAX];
	int64_t event_id;
	uint64_t bytes; /* received, in the downlink format */
};

struct openai_state {
	bool updated; /* the session's settings were confirmed */
	struct aic_audio_format format; /* both ways */
	struct item items[ITEMS]; /* the latest ones, item n in place n mod ITEMS */
	int64_t last_event_id; /* of the latest item; 0: there was none */
	char response_id[ID_MAX]; /* the one being made; empty: none */
	char void_response_id[ID_MAX]; /* interrupted: what still comes of it is late */
	char caller_said[TENTATIVE_MAX]; /* so far, until the whole of it comes */
	bool wants_response; /* once the present one is done */
};

struct openai_message {
	struct aic_text type;
	struct aic_text piece;
	struct aic_json_bytes delta;
	struct aic_text item_id, response_id;
	struct aic_text transcript;
	struct aic_text session_id;
	struct aic_text item_type, item_status, item_call_id, item_name, item_arguments;
	struct aic_text done_id, done_status, done_error_type, done_error_message;
	struct aic_text error_code, error_type, error_message, error_event_id;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct openai_message, member)}

static const struct aic_json_field fields[] = {
	FIELD("type", AIC_JSON_STRING, type),
	/* Of transcripts it is text. */
	FIELD("delta|transcri", AIC_JSON_STRING, piece),
	FIELD("delta", AIC_JSON_BASE64, delta),
	FIELD("item_id", AIC_JSON_STRING, item_id),
	FIELD("response_id", AIC_JSON_STRING, response_id),
	FIELD("transcript", AIC_JSON_STRING, transcript),
	FIELD("session.id", AIC_JSON_STRING, session_id),
	FIELD("item.type", AIC_JSON_STRING, item_type),
	FIELD("item.status", AIC_JSON_STRING, item_status),
	FIELD("item.call_id", AIC_JSON_STRING, item_call_id),
	FIELD("item.name", AIC_JSON_STRING, item_name),
	FIELD("item.arguments", AIC_JSON_STRING, item_arguments),
	FIELD("response.id", AIC_JSON_STRING, done_id),
	FIELD("response.status", AIC_JSON_STRING, done_status),
	FIELD("response.status_details.error.type", AIC_JSON_STRING, done_error_type),
	FIELD("response.status_details.error.message", AIC_JSON_STRING, done_error_message),
	FIELD("error.code", AIC_JSON_STRING, error_code),
	FIELD("error.type", AIC_JSON_STRING, error_type),
	FIELD("error.message", AIC_JSON_STRING, error_message),
	FIELD("error.event_id", AIC_JSON_STRING, error_event_id),
};

static bool is(struct aic_text text, const char *word)
{
	return text.bytes && !strcmp(text.bytes, word);
}

static void keep_id(char *to, struct aic_text id)
{
	snprintf(to, ID_MAX, "%s", id.bytes ? id.bytes : "");
}

/* --- opening --- */

static char *websocket_url(const struct aic_settings *settings)
{
	if (settings->conversation_url) {
		return strdup(settings->conversation_url);
	}
	return aic_url_with_query(settings->conversation_endpoint, "model", settings->model);
}

static int add_key(const struct aic_settings *settings, struct aic_request *request)
{
	if (settings->api_key && settings->api_key_header) {
		return aic_request_add_header(request, settings->api_key_header, settings->api_key);
	}
	return aic_request_authorize(request, "Bearer", settings->api_key);
}

static int openai_open(const struct aic_settings *settings, struct aic_request *request)
{
	request->kind = AIC_REQUEST_WEBSOCKET;
	request->url = websocket_url(settings);
	return request->url && !add_key(settings, request) ? 0 : -1;
}

/* --- messages to the service --- */

/* Asks for an answer, now or as soon as the present one is done: there is one at a time. */
static void want_response(struct aic_conversation *conversation)
{
	struct openai_state *state = aic_port_state(conversation);

	if (state->response_id[0]) {
		state->wants_response = true;
		return;
	}
	state->wants_response = false;
	aic_port_finish(conversation, aic_port_begin(conversation, "response.create"));
}

/* Adds a text to the conversation, as said by the caller ("user") or as something the agent should know ("system"). */
static void add_text(struct aic_conversation *conversation, const char *role, const char *text)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "conversation.item.create");

	aic_json_open_object(writer, "item");
	aic_json_put_text(writer, "type", "message");
	aic_json_put_text(writer, "role", role);
	aic_json_open_array(writer, "content");
	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "type", "input_text");
	aic_json_put_text(writer, "text", text);
	aic_json_close_object(writer);
	aic_json_close_array(writer);
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
}

/* The line's own format where the service has it. */
static struct aic_audio_format service_format(struct aic_audio_format line)
{
	if (line.rate == 8000) {
		return (struct aic_audio_format) {line.encoding == AIC_ENCODING_ALAW ? AIC_ENCODING_ALAW : AIC_ENCODING_ULAW, 8000};
	}
	return (struct aic_audio_format) {AIC_ENCODING_PCM16, LINEAR_RATE};
}

static void put_format(struct aic_json_writer *writer, struct aic_audio_format format)
{
	aic_json_open_object(writer, "format");
	switch (format.encoding) {
	case AIC_ENCODING_ULAW:
		aic_json_put_text(writer, "type", "audio/pcmu");
		break;
	case AIC_ENCODING_ALAW:
		aic_json_put_text(writer, "type", "audio/pcma");
		break;
	case AIC_ENCODING_PCM16:
		aic_json_put_text(writer, "type", "audio/pcm");
		aic_json_put_integer(writer, "rate", format.rate);
		break;
	}
	aic_json_close_object(writer);
}

static void put_turn_detection(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	static const char *const eagerness[] = {
		[AIC_VAD_EAGERNESS_AUTO] = "auto",
		[AIC_VAD_EAGERNESS_LOW] = "low",
		[AIC_VAD_EAGERNESS_MEDIUM] = "medium",
		[AIC_VAD_EAGERNESS_HIGH] = "high",
	};

	aic_json_open_object(writer, "turn_detection");
	if (settings->turn_detection == AIC_TURN_DETECTION_SEMANTIC_VAD) {
		aic_json_put_text(writer, "type", "semantic_vad");
		aic_json_put_text(writer, "eagerness", eagerness[settings->vad_eagerness]);
	} else {
		aic_json_put_text(writer, "type", "server_vad");
		aic_json_put_number(writer, "threshold", settings->vad_threshold);
		aic_json_put_integer(writer, "prefix_padding_ms", settings->vad_prefix_padding_ms);
		aic_json_put_integer(writer, "silence_duration_ms", settings->vad_silence_duration_ms);
		if (settings->vad_idle_timeout_ms) {
			aic_json_put_integer(writer, "idle_timeout_ms", settings->vad_idle_timeout_ms);
		}
	}
	aic_json_put_boolean(writer, "create_response", true);
	aic_json_put_boolean(writer, "interrupt_response", settings->interrupt_response);
	aic_json_close_object(writer);
}

static void put_input(struct aic_json_writer *writer, const struct aic_settings *settings, struct aic_audio_format format)
{
	aic_json_open_object(writer, "input");
	put_format(writer, format);
	if (settings->noise_reduction != AIC_NOISE_REDUCTION_NONE) {
		aic_json_open_object(writer, "noise_reduction");
		aic_json_put_text(writer, "type", settings->noise_reduction == AIC_NOISE_REDUCTION_NEAR_FIELD ? "near_field" : "far_field");
		aic_json_close_object(writer);
	}
	if (strcmp(settings->transcription_model, "none")) {
		aic_json_open_object(writer, "transcription");
		aic_json_put_text(writer, "model", settings->transcription_model);
		if (settings->language) {
			aic_json_put_text(writer, "language", settings->language);
		}
		aic_json_close_object(writer);
	}
	put_turn_detection(writer, settings);
	aic_json_close_object(writer);
}

static void update_session(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = aic_port_settings(conversation);
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "session.update");

	state->format = service_format(aic_port_line_format(conversation));
	aic_json_open_object(writer, "session");
	aic_json_put_text(writer, "type", "realtime");
	aic_json_open_array(writer, "output_modalities");
	aic_json_put_text(writer, NULL, "audio");
	aic_json_close_array(writer);
	if (aic_port_prompt(conversation)) {
		aic_json_put_text(writer, "instructions", aic_port_prompt(conversation));
	}
	aic_json_open_object(writer, "audio");
	put_input(writer, settings, state->format);
	aic_json_open_object(writer, "output");
	put_format(writer, state->format);
	aic_json_put_text(writer, "voice", settings->voice_id);
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	if (aic_port_tools(conversation)->count) {
		aic_port_put_tools(conversation, writer, "tools", "function", "parameters");
	}
	if (settings->max_output_tokens) {
		aic_json_put_integer(writer, "max_output_tokens", settings->max_output_tokens);
	}
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
}

/* The service speaks first. */
static void openai_begin(struct aic_conversation *conversation)
{
	(void) conversation;
}

static void say_first_message(struct aic_conversation *conversation, const char *order)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "response.create");

	aic_json_open_object(writer, "response");
	aic_json_put_text(writer, "instructions", order);
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
}

/* --- messages from the service --- */

static void on_session_created(struct aic_conversation *conversation, const void *record)
{
	(void) record;
	update_session(conversation);
}

static void on_session_updated(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	if (state->updated) {
		return;
	}
	state->updated = true;
	aic_port_ready(conversation, message->session_id.bytes ? message->session_id.bytes : "", state->format, state->format);
	if (aic_port_first_message_order(conversation)) {
		say_first_message(conversation, aic_port_first_message_order(conversation));
	}
}

static struct item *find_item(struct openai_state *state, struct aic_text id)
{
	for (size_t i = 0; id.bytes && i < ITEMS; i++) {
		if (state->items[i].id[0] && !strcmp(state->items[i].id, id.bytes)) {
			return &state->items[i];
		}
	}
	return NULL;
}

static struct item *new_item(struct openai_state *state, struct aic_text id)
{
	struct item *item = &state->items[++state->last_event_id % ITEMS];

	*item = (struct item) {.event_id = state->last_event_id};
	keep_id(item->id, id);
	return item;
}

static void on_audio(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);
	struct item *item;

	if (!aic_port_is_audio(conversation, &message->delta)) {
		return;
	}
	if (state->void_response_id[0] && is(message->response_id, state->void_response_id)) {
		/* With an id that is void already it is counted, and not heard. */
		aic_port_audio(conversation, state->last_event_id, message->delta.bytes, message->delta.length);
		return;
	}
	item = find_item(state, message->item_id);
	if (!item) {
		item = new_item(state, message->item_id);
	}
	item->bytes += message->delta.length;
	aic_port_audio(conversation, item->event_id, message->delta.bytes, message->delta.length);
}

static void truncate_item(struct aic_conversation *conversation, const struct item *item)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "conversation.item.truncate");
	uint64_t heard_ms = aic_port_heard_ms(conversation, item->event_id);
	uint64_t received_ms = aic_format_ms(state->format, item->bytes);

	aic_json_put_text(writer, "event_id", HARMLESS);
	aic_json_put_text(writer, "item_id", item->id);
	aic_json_put_integer(writer, "content_index", 0);
	/* The last frame heard may have been completed with silence. */
	aic_json_put_integer(writer, "audio_end_ms", (int64_t) (heard_ms < received_ms ? heard_ms : received_ms));
	aic_port_finish(conversation, writer);
}

static bool was_cut(const struct aic_interruption *interruption, int64_t event_id)
{
	size_t count = interruption->removed_chunks < AIC_REMOVED_IDS_MAX ? interruption->removed_chunks : AIC_REMOVED_IDS_MAX;

	for (size_t i = 0; i < count; i++) {
		if (interruption->removed_ids[i] == event_id) {
			return true;
		}
	}
	return false;
}

static void cancel_response(struct aic_conversation *conversation)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "response.cancel");

	aic_json_put_text(writer, "event_id", HARMLESS);
	aic_json_put_text(writer, "response_id", state->response_id);
	aic_port_finish(conversation, writer);
}

/* Sent for every utterance of the caller's; an interruption only where the agent is speaking or about to. */
static void on_speech_started(struct aic_conversation *conversation, const void *record)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_interruption interruption;

	(void) record;
	if (!state->response_id[0] && !aic_port_is_speaking(conversation)) {
		return;
	}
	if (state->response_id[0]) {
		memcpy(state->void_response_id, state->response_id, sizeof(state->void_response_id));
		if (!aic_port_settings(conversation)->interrupt_response) {
			cancel_response(conversation);
		}
	}
	aic_port_interrupted(conversation, state->last_event_id, &interruption);
	for (size_t i = 0; i < ITEMS; i++) {
		if (state->items[i].event_id && was_cut(&interruption, state->items[i].event_id)) {
			truncate_item(conversation, &state->items[i]);
		}
	}
}

static void on_response_created(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	keep_id(state->response_id, message->done_id);
}

static void on_response_done(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);
	char text[AIC_REASON_MAX];

	if (is(message->done_id, state->response_id)) {
		state->response_id[0] = '\0';
	}
	if (is(message->done_status, "failed")) {
		snprintf(text, sizeof(text), "the service could not answer: %.80s: %.200s",
			message->done_error_type.bytes ? message->done_error_type.bytes : "no type",
			message->done_error_message.bytes ? message->done_error_message.bytes : "no message");
		aic_port_error(conversation, text);
	}
	if (state->wants_response) {
		want_response(conversation);
	}
}

/* A call is whole, and meant, once its item is completed: its arguments are also sent, and "done", when the caller interrupted. */
static void on_output_item_done(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	if (!is(message->item_type, "function_call") || is(message->item_status, "incomplete")
		|| (state->void_response_id[0] && is(message->response_id, state->void_response_id))) {
		return;
	}
	if (!message->item_call_id.bytes || !message->item_name.bytes) {
		aic_port_error(conversation, "the service sent a tool call without a name or an id; it was ignored");
		return;
	}
	aic_port_tool_call(conversation, message->item_call_id.bytes, message->item_name.bytes,
		message->item_arguments.bytes && message->item_arguments.length ? message->item_arguments.bytes : "{}");
}

/* Word by word; what has come so far is told. */
static void on_caller_transcript_piece(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);
	size_t length = strlen(state->caller_said);

	aic_utf8_line(state->caller_said + length, TENTATIVE_MAX - length, message->piece.bytes ? message->piece.bytes : "");
	if (state->caller_said[0]) {
		aic_port_transcript(conversation, AIC_ROLE_CALLER, AIC_TRANSCRIPT_TENTATIVE, state->caller_said, AIC_EVENT_ID_NONE);
	}
}

static void on_caller_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	state->caller_said[0] = '\0';
	if (message->transcript.bytes) {
		aic_port_transcript(conversation, AIC_ROLE_CALLER, AIC_TRANSCRIPT_FINAL, message->transcript.bytes, AIC_EVENT_ID_NONE);
	}
}

static void on_caller_transcript_failed(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	char text[AIC_REASON_MAX];

	snprintf(text, sizeof(text), "the service could not write down what the caller said: %.250s",
		message->error_message.bytes ? message->error_message.bytes : "no message");
	aic_port_error(conversation, text);
}

static void on_agent_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	const struct item *item = find_item(aic_port_state(conversation), message->item_id);

	if (message->transcript.bytes) {
		aic_port_transcript(conversation, AIC_ROLE_AGENT, AIC_TRANSCRIPT_FINAL, message->transcript.bytes,
			item ? item->event_id : AIC_EVENT_ID_NONE);
	}
}

static void on_error(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	const struct openai_state *state = aic_port_state(conversation);
	char text[AIC_REASON_MAX];

	if (is(message->error_event_id, HARMLESS)) {
		return;
	}
	if (is(message->error_code, "beta_api_shape_disabled")) {
		aic_port_fail(conversation, "the server expects the Realtime interface from before general availability, which is gone: check conversation_endpoint and model");
		return;
	}
	snprintf(text, sizeof(text), "error %.80s: %.200s",
		message->error_code.bytes ? message->error_code.bytes : message->error_type.bytes ? message->error_type.bytes : "without a code",
		message->error_message.bytes ? message->error_message.bytes : "no message");
	if (!state->updated) {
		/* The settings were refused; nothing else has been sent. The service would keep the session, with settings of its own. */
		aic_port_fail(conversation, text);
	} else {
		aic_port_error(conversation, text);
	}
}

static const struct aic_handler handlers[] = {
	{"response.output_audio.delta", on_audio},
	{"response.audio.delta", on_audio},
	{"session.created", on_session_created},
	{"session.updated", on_session_updated},
	{"input_audio_buffer.speech_started", on_speech_started},
	{"response.created", on_response_created},
	{"response.done", on_response_done},
	{"response.output_item.done", on_output_item_done},
	{"conversation.item.input_audio_transcription.delta", on_caller_transcript_piece},
	{"conversation.item.input_audio_transcription.completed", on_caller_transcript},
	{"conversation.item.input_audio_transcription.failed", on_caller_transcript_failed},
	{"response.output_audio_transcript.done", on_agent_transcript},
	{"response.audio_transcript.done", on_agent_transcript},
	{"error", on_error},
	/* Known, and nothing to do for a phone call. */
	{"input_audio_buffer.speech_stopped", NULL},
	{"input_audio_buffer.committed", NULL},
	{"input_audio_buffer.cleared", NULL},
	{"input_audio_buffer.timeout_triggered", NULL},
	{"conversation.created", NULL},
	{"conversation.item.added", NULL},
	{"conversation.item.created", NULL},
	{"conversation.item.done", NULL},
	{"conversation.item.deleted", NULL},
	{"conversation.item.retrieved", NULL},
	{"conversation.item.truncated", NULL},
	{"conversation.item.input_audio_transcription.segment", NULL},
	{"response.output_item.added", NULL},
	{"response.content_part.added", NULL},
	{"response.content_part.done", NULL},
	{"response.output_audio.done", NULL},
	{"response.audio.done", NULL},
	{"response.output_audio_transcript.delta", NULL},
	{"response.audio_transcript.delta", NULL},
	{"response.output_text.delta", NULL},
	{"response.output_text.done", NULL},
	{"response.text.delta", NULL},
	{"response.text.done", NULL},
	{"response.function_call_arguments.delta", NULL},
	{"response.function_call_arguments.done", NULL},
	{"rate_limits.updated", NULL},
};

static void openai_message(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;

	aic_port_dispatch(conversation, handlers, sizeof(handlers) / sizeof(handlers[0]), message->type.bytes, record);
}

/* --- what the host tells the service --- */

static int openai_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length, struct aic_buffer *out)
{
	(void) conversation;
	return aic_audio_message_write(out, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"", audio, length, "\"}");
}

static void openai_context(struct aic_conversation *conversation, const char *text)
{
	add_text(conversation, "system", text);
}

static void openai_instruct(struct aic_conversation *conversation, const char *text)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "session.update");

	/* Only what is named changes, and that as a whole. */
	(void) text;
	aic_json_open_object(writer, "session");
	aic_json_put_text(writer, "type", "realtime");
	aic_json_put_text(writer, "instructions", aic_port_prompt(conversation));
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
}

static void openai_user_message(struct aic_conversation *conversation, const char *text)
{
	add_text(conversation, "user", text);
	want_response(conversation);
}

static void openai_tool_result(struct aic_conversation *conversation, const char *id, const char *name, const char *result, bool is_error)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "conversation.item.create");

	(void) name;
	/* There is no field that says so; the agent reads it. */
	(void) is_error;
	aic_json_open_object(writer, "item");
	aic_json_put_text(writer, "type", "function_call_output");
	aic_json_put_text(writer, "call_id", id);
	aic_json_put_text(writer, "output", result);
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
	/* The agent goes on once it has the results of all the tools it called. */
	if (aic_port_open_tool_calls(conversation) <= 1) {
		want_response(conversation);
	}
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{1001, AIC_STATUS_LOST, true, "the service went away, or the session reached its longest duration"},
	{3000, AIC_STATUS_LOST, false, "the service refused the request: check api_key and model"},
	{4000, AIC_STATUS_LOST, false, "the service refused the request: check model"},
};

const struct aic_provider aic_provider_openai = {
	.name = "openai",
	/* Without audio it does not notice that the caller has finished. */
	.wants_continuous_audio = true,
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct openai_message),
	.state_size = sizeof(struct openai_state),
	.open = openai_open,
	.begin = openai_begin,
	.message = openai_message,
	.encode_audio = openai_encode_audio,
	.context = openai_context,
	.user_message = openai_user_message,
	.instruct = openai_instruct,
	.tool_result = openai_tool_result,
	.closes = closes,
	.close_count = sizeof(closes) / sizeof(closes[0]),
};
