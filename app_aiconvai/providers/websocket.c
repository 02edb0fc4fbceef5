/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The generic protocol: for any server that somebody writes. JSON in text messages; audio in base64, or as it is in
 * binary messages. docs/protocol/websocket.md tells it to the authors of servers.
 *
 * Opening: a bearer token, if there is one. The first message is ours (session.init); the service confirms it
 * (session_started or ready), and audio flows from then on. Every message of the service goes by several names; what is
 * ours beyond the bare protocol is announced in session.init, and a server that does not know it does without.
 */
#include "audio_message.h"
#include "close_codes.h"
#include "provider_port.h"
#include "providers.h"

#include <stdio.h>
#include <string.h>

/* Where `aiconvai local` listens, if nobody says otherwise. */
#define LOCAL_URL "ws://127.0.0.1:8400/"

struct websocket_state {
	struct aic_audio_format format; /* both ways */
	bool has_ids; /* the service gives audio event ids of its own */
	int64_t turn; /* the greatest it gave; without any, the one that stands for the present answer */
};

struct websocket_message {
	struct aic_text type;
	struct aic_json_bytes audio;
	struct aic_json_integer event_id;
	struct aic_text text, role, session_id;
	struct aic_text error_message;
	struct aic_json_boolean fatal, final;
	struct aic_text name; /* of a tool, of a mark */
	struct aic_text tool_id, tool_parameters;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct websocket_message, member)}

static const struct aic_json_field fields[] = {
	FIELD("type", AIC_JSON_STRING, type),
	FIELD("audio", AIC_JSON_BASE64, audio),
	FIELD("data", AIC_JSON_BASE64, audio),
	FIELD("event_id", AIC_JSON_INTEGER, event_id),
	FIELD("text", AIC_JSON_STRING, text),
	FIELD("role", AIC_JSON_STRING, role),
	FIELD("speaker", AIC_JSON_STRING, role),
	FIELD("final", AIC_JSON_BOOLEAN, final),
	FIELD("session_id", AIC_JSON_STRING, session_id),
	FIELD("message", AIC_JSON_STRING, error_message),
	FIELD("fatal", AIC_JSON_BOOLEAN, fatal),
	FIELD("id", AIC_JSON_STRING, tool_id),
	FIELD("name", AIC_JSON_STRING, name),
	FIELD("parameters", AIC_JSON_RAW, tool_parameters),
};

static const struct aic_audio_format formats[] = {
	[AIC_AUDIO_FORMAT_PCM_8000] = {AIC_ENCODING_PCM16, 8000},
	[AIC_AUDIO_FORMAT_PCM_16000] = {AIC_ENCODING_PCM16, 16000},
	[AIC_AUDIO_FORMAT_PCM_24000] = {AIC_ENCODING_PCM16, 24000},
	[AIC_AUDIO_FORMAT_PCM_48000] = {AIC_ENCODING_PCM16, 48000},
	[AIC_AUDIO_FORMAT_ULAW_8000] = {AIC_ENCODING_ULAW, 8000},
	[AIC_AUDIO_FORMAT_ALAW_8000] = {AIC_ENCODING_ALAW, 8000},
};

/* --- opening --- */

static int websocket_open(const struct aic_settings *settings, struct aic_request *request)
{
	const char *url = settings->conversation_url;

	return aic_request_websocket(request, url || settings->provider != AIC_PROVIDER_LOCAL ? url : LOCAL_URL)
		|| aic_request_authorize(request, "Bearer", settings->api_key) ? -1 : 0;
}

/* --- messages to the service --- */

static const char *format_word(struct aic_audio_format format)
{
	static const char *const words[] = {
		[AIC_ENCODING_ULAW] = "g711_ulaw",
		[AIC_ENCODING_ALAW] = "g711_alaw",
		[AIC_ENCODING_PCM16] = "pcm16",
	};

	return words[format.encoding];
}

static void put_extensions(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	static const char *const names[] = {"event_ids", "interruption", "dtmf", "tools", "mark", "hangup", "binary_audio"};

	aic_json_open_array(writer, "extensions");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		aic_json_put_text(writer, NULL, names[i]);
	}
	if (settings->turns == AIC_TURNS_LOCAL) {
		aic_json_put_text(writer, NULL, "turns");
	}
	aic_json_close_array(writer);
}

/* Others are asked to answer it. */
static bool says_first_message(struct aic_conversation *conversation)
{
	return aic_port_settings(conversation)->provider == AIC_PROVIDER_LOCAL;
}

static void put_config(struct aic_conversation *conversation, struct aic_json_writer *writer,
	struct aic_audio_format format)
{
	const struct aic_settings *settings = aic_port_settings(conversation);

	aic_json_open_object(writer, "config");
	aic_json_put_text(writer, "audio_format", format_word(format));
	aic_json_put_integer(writer, "sample_rate", format.rate);
	aic_json_put_integer(writer, "channels", 1);
	if (settings->language) {
		aic_json_put_text(writer, "language", settings->language);
	}
	if (settings->voice_id) {
		aic_json_put_text(writer, "voice", settings->voice_id);
	}
	if (aic_port_prompt(conversation)) {
		aic_json_put_text(writer, "system_prompt", aic_port_prompt(conversation));
	}
	if (aic_port_first_message(conversation) && says_first_message(conversation)) {
		aic_json_put_text(writer, "first_message", aic_port_first_message(conversation));
	}
	aic_json_put_boolean(writer, "vad_enabled", settings->vad_enabled && settings->turns != AIC_TURNS_LOCAL);
	aic_json_put_number(writer, "vad_threshold", settings->vad_threshold);
	aic_json_put_integer(writer, "vad_silence_duration_ms", settings->vad_silence_duration_ms);
	aic_json_put_integer(writer, "vad_prefix_padding_ms", settings->vad_prefix_padding_ms);
	aic_json_close_object(writer);
}

static void websocket_begin(struct aic_conversation *conversation)
{
	struct websocket_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "session.init");

	state->format = formats[aic_port_settings(conversation)->audio_format];
	put_config(conversation, writer, state->format);
	aic_port_put_variables(conversation, writer, "variables");
	put_extensions(writer, aic_port_settings(conversation));
	if (aic_port_tools(conversation)->count) {
		aic_port_put_tools(conversation, writer, "tools", NULL, "parameters");
	}
	aic_port_finish(conversation, writer);
}

static void send_text(struct aic_conversation *conversation, const char *text)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "text.input");

	aic_json_put_text(writer, "text", text);
	aic_port_finish(conversation, writer);
}

/* --- messages from the service --- */

static void on_started(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;
	struct websocket_state *state = aic_port_state(conversation);

	aic_port_ready(conversation, message->session_id.bytes ? message->session_id.bytes : "", state->format,
		state->format);
	if (aic_port_first_message(conversation) && !says_first_message(conversation)) {
		send_text(conversation, aic_port_first_message(conversation));
	}
}

static int64_t event_id_of(const struct websocket_state *state, const struct websocket_message *message)
{
	return message->event_id.present ? message->event_id.value : state->turn;
}

/*
 * What comes from now on is another answer than the one with that event id. Where the service gives ids, it says so by
 * them.
 */
static void end_turn(struct websocket_state *state, int64_t event_id)
{
	if (!state->has_ids && event_id >= state->turn) {
		state->turn = event_id + 1;
	}
}

static void on_audio(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;
	struct websocket_state *state = aic_port_state(conversation);

	if (!aic_port_is_audio(conversation, &message->audio)) {
		return;
	}
	if (message->event_id.present) {
		/* Those that stood for answers without an id do not count beside the service's own. */
		if (!state->has_ids || message->event_id.value > state->turn) {
			state->turn = message->event_id.value;
		}
		state->has_ids = true;
	}
	aic_port_audio(conversation, event_id_of(state, message), message->audio.bytes, message->audio.length);
}

static void websocket_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	const struct websocket_state *state = aic_port_state(conversation);

	aic_port_audio(conversation, state->turn, bytes, length);
}

/* All audio up to that event id may be void. */
static void suspect_interruption(struct aic_conversation *conversation, int64_t event_id)
{
	struct websocket_state *state = aic_port_state(conversation);

	if (aic_port_may_interrupt(conversation)) {
		end_turn(state, event_id);
	}
	aic_port_interrupted(conversation, event_id);
}

/* The service says so itself, or only that the caller speaks: the agent is not to go on then. */
static void on_interruption(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;

	if (message->event_id.present || aic_port_is_speaking(conversation)) {
		suspect_interruption(conversation, event_id_of(aic_port_state(conversation), message));
	}
}

static void on_response_complete(struct aic_conversation *conversation, const void *record)
{
	struct websocket_state *state = aic_port_state(conversation);

	(void) record;
	end_turn(state, state->turn);
	aic_port_audio_done(conversation);
}

static void on_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;
	const struct websocket_state *state = aic_port_state(conversation);
	bool agent = message->role.bytes && (!strcmp(message->role.bytes, "assistant")
		|| !strcmp(message->role.bytes, "agent"));

	if (message->text.bytes) {
		aic_port_transcript(conversation, agent ? AIC_ROLE_AGENT : AIC_ROLE_CALLER,
			message->final.present && !message->final.value ? AIC_TRANSCRIPT_TENTATIVE : AIC_TRANSCRIPT_FINAL,
			message->text.bytes, agent ? event_id_of(state, message) : AIC_EVENT_ID_NONE);
	}
}

static void on_tool_call(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;

	if (!message->tool_id.bytes || !message->name.bytes) {
		aic_port_error(conversation, "the service sent a tool call without a name or an id; it was ignored");
		return;
	}
	aic_port_tool_call(conversation, message->tool_id.bytes, message->name.bytes,
		message->tool_parameters.bytes ? message->tool_parameters.bytes : "{}");
}

static void on_mark(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;

	aic_port_mark(conversation, message->name.bytes ? message->name.bytes : "");
}

static void on_hangup(struct aic_conversation *conversation, const void *record)
{
	(void) record;
	aic_port_agent_ends(conversation);
}

static void on_error(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;
	char text[AIC_REASON_MAX];

	snprintf(text, sizeof(text), "the service reported an error: %.250s", message->error_message.bytes
		? message->error_message.bytes : "no message");
	if (message->fatal.value) {
		aic_port_fail(conversation, text);
	} else {
		aic_port_error(conversation, text);
	}
}

static const struct aic_handler handlers[] = {
	{"audio_delta", on_audio},
	{"audio_chunk", on_audio},
	{"session_started", on_started},
	{"ready", on_started},
	{"transcript", on_transcript},
	{"transcription", on_transcript},
	{"user_speech_started", on_interruption},
	{"speech_started", on_interruption},
	{"interruption", on_interruption},
	{"response_complete", on_response_complete},
	{"audio_done", on_response_complete},
	{"tool_call", on_tool_call},
	{"mark", on_mark},
	{"hangup", on_hangup},
	{"error", on_error},
};

static void websocket_message(struct aic_conversation *conversation, const void *record)
{
	const struct websocket_message *message = record;

	aic_port_dispatch(conversation, handlers, sizeof(handlers) / sizeof(handlers[0]), message->type.bytes, record);
}

/* --- what the host tells the service --- */

static void websocket_mark_played(struct aic_conversation *conversation, const char *name)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "mark");

	aic_json_put_text(writer, "name", name);
	aic_port_finish(conversation, writer);
}

static int websocket_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
	struct aic_buffer *out)
{
	const struct websocket_state *state = aic_port_state(conversation);
	char behind[48];

	snprintf(behind, sizeof(behind), "\",\"format\":\"%s\"}", format_word(state->format));
	return aic_audio_message_write(out, "{\"type\":\"audio.input\",\"audio\":\"", audio, length, behind);
}

static void websocket_caller_began(struct aic_conversation *conversation)
{
	const struct websocket_state *state = aic_port_state(conversation);

	aic_port_finish(conversation, aic_port_begin(conversation, "turn.started"));
	if (aic_port_is_speaking(conversation)) {
		suspect_interruption(conversation, state->turn);
	}
}

static void websocket_caller_finished(struct aic_conversation *conversation)
{
	aic_port_finish(conversation, aic_port_begin(conversation, "turn.ended"));
}

static void websocket_context(struct aic_conversation *conversation, const char *text)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "text.input");

	aic_json_put_text(writer, "text", text);
	aic_json_put_text(writer, "role", "system");
	aic_port_finish(conversation, writer);
}

static void websocket_user_message(struct aic_conversation *conversation, const char *text)
{
	send_text(conversation, text);
}

static void websocket_dtmf(struct aic_conversation *conversation, char digit)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "dtmf");

	aic_json_put_text(writer, "digit", (const char[]) {digit, '\0'});
	aic_port_finish(conversation, writer);
}

static void websocket_tool_result(struct aic_conversation *conversation, const struct aic_tool_result *result)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "tool_result");

	aic_json_put_text(writer, "id", result->id);
	aic_json_put_text(writer, "name", result->name);
	aic_json_put_text(writer, "result", result->text);
	aic_json_put_boolean(writer, "is_error", result->is_error);
	if (result->silent) {
		aic_json_put_boolean(writer, "answer", false);
	}
	aic_port_finish(conversation, writer);
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{.code = 1000, .status = AIC_STATUS_COMPLETED, .sentence = "the agent ended the conversation"},
	/* "Try again later": of a server that counts its calls that is now, not in a moment. */
	{.code = 1013, .status = AIC_STATUS_LOST, .busy = true, .reopen = true,
		.sentence = "the service takes no more calls"},
};

/* `aiconvai local` speaks it, too. */
#define PROVIDER(name_) { \
	.name = (name_), \
	.fields = fields, \
	.field_count = sizeof(fields) / sizeof(fields[0]), \
	.record_size = sizeof(struct websocket_message), \
	.state_size = sizeof(struct websocket_state), \
	.open = websocket_open, \
	.begin = websocket_begin, \
	.message = websocket_message, \
	.audio = websocket_audio, \
	.encode_audio = websocket_encode_audio, \
	.caller_began = websocket_caller_began, \
	.caller_finished = websocket_caller_finished, \
	.dtmf = websocket_dtmf, \
	.mark_played = websocket_mark_played, \
	.context = websocket_context, \
	.user_message = websocket_user_message, \
	.tool_result = websocket_tool_result, \
	.closes = closes, \
	.close_count = sizeof(closes) / sizeof(closes[0]), \
}

const struct aic_provider aic_provider_websocket = PROVIDER("websocket");
const struct aic_provider aic_provider_local = PROVIDER("local");
