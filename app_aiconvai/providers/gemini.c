/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Google Gemini Live (BidiGenerateContent): JSON, which the service sends in binary messages as well as in text ones,
 * with audio in base64.
 *
 * Opening: the account's key in a header. The first message is ours (setup, once), and nothing else may follow before
 * the service confirms it (setupComplete). It takes linear audio of any rate it is told, and always gives 24 kHz.
 *
 * Messages have no type: what is in one says what it is, and several things may be in one. Names come as camelCase or
 * as snake_case, as in all JSON made from protocol buffers. Interruptions need no answer, and nothing of a turn comes
 * after its interruption.
 *
 * What is said in words goes the way of audio (realtimeInput): newer models take clientContent only as the history of
 * before, and close the connection where it comes later. Such words always are something the caller did: the agent
 * answers, and breaks off what it is saying.
 *
 * Facts follow the vendor's documentation and the types of its Python client.
 */
#include "audio_message.h"
#include "close_codes.h"
#include "provider_port.h"
#include "providers.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_RATE 16000
#define OUTPUT_RATE 24000

/* Transcripts come in pieces, to be told as a whole where the turn ends. */
#define TRANSCRIPT_MAX 4096

struct gemini_state {
	int64_t turn; /* the event id of the agent's audio that comes */
	bool caller_speaks; /* as it was told, where it does not find that out itself */
	char agent_text[TRANSCRIPT_MAX], caller_text[TRANSCRIPT_MAX]; /* of this turn so far */
};

struct gemini_message {
	struct aic_text setup_complete;
	struct aic_json_bytes audio;
	struct aic_json_boolean interrupted, turn_complete, generation_complete;
	struct aic_json_boolean caller_finished, agent_finished;
	struct aic_text caller_text, agent_text;
	struct aic_json_list calls, cancelled;
	struct aic_text time_left;
	struct aic_text resumption;
	struct aic_json_integer input_tokens, output_tokens, all_tokens;
	struct aic_text other;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct gemini_message, member)}
/* A field by both of its names. */
#define FIELDS(camel_, snake_, kind_, member) FIELD(camel_, kind_, member), FIELD(snake_, kind_, member)

static const struct aic_json_field fields[] = {
	FIELDS("serverContent.modelTurn.parts[].inlineData.data", "server_content.model_turn.parts[].inline_data.data",
		AIC_JSON_BASE64, audio),
	FIELDS("serverContent.interrupted", "server_content.interrupted", AIC_JSON_BOOLEAN, interrupted),
	FIELDS("serverContent.turnComplete", "server_content.turn_complete", AIC_JSON_BOOLEAN, turn_complete),
	FIELDS("serverContent.generationComplete", "server_content.generation_complete", AIC_JSON_BOOLEAN,
	generation_complete), FIELDS("serverContent.inputTranscription.text", "server_content.input_transcription.text",
	AIC_JSON_STRING, caller_text), FIELDS("serverContent.outputTranscription.text",
	"server_content.output_transcription.text", AIC_JSON_STRING, agent_text),
	FIELDS("serverContent.inputTranscription.finished", "server_content.input_transcription.finished", AIC_JSON_BOOLEAN,
	caller_finished), FIELDS("serverContent.outputTranscription.finished",
	"server_content.output_transcription.finished", AIC_JSON_BOOLEAN, agent_finished),
	FIELDS("setupComplete", "setup_complete", AIC_JSON_RAW, setup_complete),
	FIELDS("toolCall.functionCalls[]", "tool_call.function_calls[]", AIC_JSON_LIST, calls),
	FIELDS("toolCallCancellation.ids[]", "tool_call_cancellation.ids[]", AIC_JSON_LIST, cancelled),
	FIELDS("goAway.timeLeft", "go_away.time_left", AIC_JSON_STRING, time_left),
	FIELDS("sessionResumptionUpdate", "session_resumption_update", AIC_JSON_RAW, resumption),
	FIELDS("usageMetadata.promptTokenCount", "usage_metadata.prompt_token_count", AIC_JSON_INTEGER, input_tokens),
	FIELDS("usageMetadata.responseTokenCount", "usage_metadata.response_token_count", AIC_JSON_INTEGER, output_tokens),
	FIELDS("usageMetadata.totalTokenCount", "usage_metadata.total_token_count", AIC_JSON_INTEGER, all_tokens),
	/* Known, and nothing to do for a phone call. */
	FIELDS("voiceActivity", "voice_activity", AIC_JSON_RAW, other),
	FIELDS("voiceActivityDetectionSignal", "voice_activity_detection_signal", AIC_JSON_RAW, other),
	FIELDS("serverContent.waitingForInput", "server_content.waiting_for_input", AIC_JSON_RAW, other),
	FIELDS("serverContent.interimInputTranscription", "server_content.interim_input_transcription", AIC_JSON_RAW,
	other), FIELDS("serverContent.groundingMetadata", "server_content.grounding_metadata", AIC_JSON_RAW, other),
	FIELDS("serverContent.urlContextMetadata", "server_content.url_context_metadata", AIC_JSON_RAW, other),
	FIELDS("serverContent.interactionStatus", "server_content.interaction_status", AIC_JSON_RAW, other),
	FIELDS("serverContent.modelTurn.parts[].text", "server_content.model_turn.parts[].text", AIC_JSON_RAW, other),
};

struct gemini_call {
	struct aic_text id, name, arguments;
};

#define CALL_FIELD(path_, kind_, member) {path_, kind_, offsetof(struct gemini_call, member)}

static const struct aic_json_field call_fields[] = {
	CALL_FIELD("id", AIC_JSON_STRING, id),
	CALL_FIELD("name", AIC_JSON_STRING, name),
	CALL_FIELD("args", AIC_JSON_RAW, arguments),
};

struct gemini_resumption {
	struct aic_text handle;
	struct aic_json_boolean resumable;
};

#define RESUMPTION_FIELD(path_, kind_, member) {path_, kind_, offsetof(struct gemini_resumption, member)}

static const struct aic_json_field resumption_fields[] = {
	RESUMPTION_FIELD("newHandle", AIC_JSON_STRING, handle),
	RESUMPTION_FIELD("new_handle", AIC_JSON_STRING, handle),
	RESUMPTION_FIELD("resumable", AIC_JSON_BOOLEAN, resumable),
};

static const struct aic_json_field id_field[] = {{"", AIC_JSON_STRING, 0}};
static const struct aic_json_field session_fields[] = {{"sessionId", AIC_JSON_STRING, 0},
	{"session_id", AIC_JSON_STRING, 0}};

/* --- opening --- */

static int gemini_open(const struct aic_settings *settings, struct aic_request *request)
{
	if (aic_request_websocket(request, settings->conversation_url ? settings->conversation_url
		: settings->conversation_endpoint)) {
		return -1;
	}
	/* The key may stand in the URL too; there it would be in the service's logs. */
	return aic_request_add_key(request, settings->api_key_header, settings->api_key);
}

/* --- messages to the service --- */

/* Every message is an object with one member: opens both. */
static struct aic_json_writer *new_message(struct aic_conversation *conversation, const char *member)
{
	struct aic_json_writer *writer = aic_port_new_message(conversation);

	aic_json_open_object(writer, NULL);
	aic_json_open_object(writer, member);
	return writer;
}

static void send_message(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	aic_port_send(conversation);
}

static void put_empty(struct aic_json_writer *writer, const char *key)
{
	aic_json_open_object(writer, key);
	aic_json_close_object(writer);
}

/* {"parts":[{"text":...}]}, inside whatever is open. */
static void put_parts(struct aic_json_writer *writer, const char *text)
{
	aic_json_open_array(writer, "parts");
	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "text", text);
	aic_json_close_object(writer);
	aic_json_close_array(writer);
}

/* Its full name, which the service insists on; people write the last part of it. */
static void put_model(struct aic_json_writer *writer, const char *model)
{
	char name[160];

	snprintf(name, sizeof(name), "%s%s", strchr(model, '/') ? "" : "models/", model);
	aic_json_put_text(writer, "model", name);
}

static void put_generation(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	aic_json_open_object(writer, "generationConfig");
	aic_json_open_array(writer, "responseModalities");
	aic_json_put_text(writer, NULL, "AUDIO");
	aic_json_close_array(writer);
	if (settings->max_output_tokens) {
		aic_json_put_integer(writer, "maxOutputTokens", settings->max_output_tokens);
	}
	aic_json_open_object(writer, "speechConfig");
	aic_json_open_object(writer, "voiceConfig");
	aic_json_open_object(writer, "prebuiltVoiceConfig");
	aic_json_put_text(writer, "voiceName", settings->voice_id);
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	if (settings->language) {
		aic_json_put_text(writer, "languageCode", settings->language);
	}
	aic_json_close_object(writer);
	aic_json_close_object(writer);
}

static void put_sensitivity(struct aic_json_writer *writer, const char *key, const char *of,
	enum aic_option_vad_start_sensitivity sensitivity)
{
	char text[48];

	if (sensitivity != AIC_VAD_START_SENSITIVITY_AUTO) {
		snprintf(text, sizeof(text), "%s_SENSITIVITY_%s", of, sensitivity == AIC_VAD_START_SENSITIVITY_LOW ? "LOW"
			: "HIGH");
		aic_json_put_text(writer, key, text);
	}
}

static void put_detection(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	put_sensitivity(writer, "startOfSpeechSensitivity", "START", settings->vad_start_sensitivity);
	put_sensitivity(writer, "endOfSpeechSensitivity", "END",
		(enum aic_option_vad_start_sensitivity) settings->vad_end_sensitivity);
	aic_json_put_integer(writer, "prefixPaddingMs", settings->vad_prefix_padding_ms);
	aic_json_put_integer(writer, "silenceDurationMs", settings->vad_silence_duration_ms);
}

static void put_realtime_input(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	aic_json_open_object(writer, "realtimeInputConfig");
	aic_json_open_object(writer, "automaticActivityDetection");
	if (settings->turns == AIC_TURNS_LOCAL) {
		aic_json_put_boolean(writer, "disabled", true);
	} else {
		put_detection(writer, settings);
	}
	aic_json_close_object(writer);
	aic_json_put_text(writer, "activityHandling", settings->interrupt_response
		&& settings->interruption != AIC_INTERRUPTION_OFF ? "START_OF_ACTIVITY_INTERRUPTS" : "NO_INTERRUPTION");
	aic_json_close_object(writer);
}

/* Asks for handles with which another connection can take the session up again, and takes one up where there is one. */
static void put_resumption(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	bool wanted = aic_port_settings(conversation)->resume != AIC_RESUME_HISTORY;
	const char *handle = wanted ? aic_port_kept(conversation) : NULL;

	aic_json_open_object(writer, "sessionResumption");
	if (handle && *handle) {
		aic_json_put_text(writer, "handle", handle);
		aic_port_resumes(conversation);
	}
	aic_json_close_object(writer);
}

static void gemini_begin(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = aic_port_settings(conversation);
	struct aic_json_writer *writer = new_message(conversation, "setup");

	put_model(writer, settings->model);
	put_generation(writer, settings);
	if (aic_port_prompt(conversation)) {
		aic_json_open_object(writer, "systemInstruction");
		put_parts(writer, aic_port_prompt(conversation));
		aic_json_close_object(writer);
	}
	if (aic_port_tools(conversation)->count) {
		aic_json_open_array(writer, "tools");
		aic_json_open_object(writer, NULL);
		aic_port_put_tools(conversation, writer, "functionDeclarations", NULL, "parametersJsonSchema");
		aic_json_close_object(writer);
		aic_json_close_array(writer);
	}
	put_realtime_input(writer, settings);
	put_empty(writer, "inputAudioTranscription");
	put_empty(writer, "outputAudioTranscription");
	put_resumption(conversation, writer);
	/* Without it a session is over after 15 minutes. */
	aic_json_open_object(writer, "contextWindowCompression");
	put_empty(writer, "slidingWindow");
	aic_json_close_object(writer);
	send_message(conversation, writer);
}

/* Where the service is not to look for the caller's turns itself. */
static void send_activity(struct aic_conversation *conversation, bool is_on)
{
	struct gemini_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = new_message(conversation, "realtimeInput");

	state->caller_speaks = is_on;
	put_empty(writer, is_on ? "activityStart" : "activityEnd");
	send_message(conversation, writer);
}

static void gemini_caller_began(struct aic_conversation *conversation)
{
	send_activity(conversation, true);
}

static void gemini_caller_finished(struct aic_conversation *conversation)
{
	send_activity(conversation, false);
}

/* Something told in words, which the agent answers. */
static void send_text(struct aic_conversation *conversation, const char *text)
{
	const struct gemini_state *state = aic_port_state(conversation);
	bool is_turn = aic_port_settings(conversation)->turns == AIC_TURNS_LOCAL && !state->caller_speaks;
	struct aic_json_writer *writer;

	if (is_turn) {
		send_activity(conversation, true);
	}
	writer = new_message(conversation, "realtimeInput");
	aic_json_put_text(writer, "text", text);
	send_message(conversation, writer);
	if (is_turn) {
		send_activity(conversation, false);
	}
}

/* --- messages from the service --- */

static void on_setup_complete(struct aic_conversation *conversation, const struct gemini_message *message)
{
	struct aic_text id = {0};
	bool first = !aic_port_is_active(conversation);
	struct aic_json_reader *reader = aic_json_reader_new(session_fields,
		sizeof(session_fields) / sizeof(session_fields[0]), &id, sizeof(id));

	if (reader && !aic_json_reader_feed(reader, message->setup_complete.bytes, message->setup_complete.length)) {
		aic_json_reader_finish(reader);
	}
	aic_port_ready(conversation, id.bytes ? id.bytes : "",
		(struct aic_audio_format) {AIC_ENCODING_PCM16, INPUT_RATE}, (struct aic_audio_format) {AIC_ENCODING_PCM16,
		OUTPUT_RATE});
	if (first && aic_port_first_message_order(conversation)) {
		send_text(conversation, aic_port_first_message_order(conversation));
	}
	aic_json_reader_free(reader);
}

static void append_text(char *to, struct aic_text piece)
{
	size_t length = strlen(to);

	aic_utf8_line(to + length, TRANSCRIPT_MAX - length, piece.bytes ? piece.bytes : "");
}

/* Tells what was said so far, if anything was. */
static void tell_transcript(struct aic_conversation *conversation, enum aic_role role, char *text, int64_t event_id)
{
	if (text[0]) {
		aic_port_transcript(conversation, role, AIC_TRANSCRIPT_FINAL, text, event_id);
		text[0] = '\0';
	}
}

static void gemini_tell_rest(struct aic_conversation *conversation)
{
	struct gemini_state *state = aic_port_state(conversation);

	tell_transcript(conversation, AIC_ROLE_CALLER, state->caller_text, AIC_EVENT_ID_NONE);
	tell_transcript(conversation, AIC_ROLE_AGENT, state->agent_text, state->turn);
}

static void on_content(struct aic_conversation *conversation, const struct gemini_message *message)
{
	struct gemini_state *state = aic_port_state(conversation);

	append_text(state->caller_text, message->caller_text);
	if (message->caller_text.bytes) {
		aic_port_caller_speaks(conversation, state->caller_text);
	}
	append_text(state->agent_text, message->agent_text);
	if (message->caller_finished.value) {
		tell_transcript(conversation, AIC_ROLE_CALLER, state->caller_text, AIC_EVENT_ID_NONE);
	}
	if (message->agent_finished.value) {
		tell_transcript(conversation, AIC_ROLE_AGENT, state->agent_text, state->turn);
	}
	if (message->audio.malformed) {
		aic_port_error(conversation, "the service sent audio that is not base64; it was ignored");
	}
	if (message->audio.length) {
		/* The agent answers: the caller has said what there was to say. */
		tell_transcript(conversation, AIC_ROLE_CALLER, state->caller_text, AIC_EVENT_ID_NONE);
		aic_port_audio(conversation, state->turn, message->audio.bytes, message->audio.length);
	}
	if (message->interrupted.value) {
		aic_port_interrupted(conversation, state->turn);
	} else if (message->generation_complete.value || message->turn_complete.value) {
		aic_port_audio_done(conversation);
	}
	if (message->interrupted.value || message->turn_complete.value) {
		gemini_tell_rest(conversation);
		state->turn++;
	}
}

static void on_calls(struct aic_conversation *conversation, const struct gemini_message *message)
{
	struct gemini_call call;
	struct aic_json_reader *reader = aic_json_reader_new(call_fields, sizeof(call_fields) / sizeof(call_fields[0]),
		&call, sizeof(call));

	for (const struct aic_json_element *element = message->calls.first; reader && element; element = element->next) {
		if (aic_json_reader_feed(reader, element->json.bytes, element->json.length) || aic_json_reader_finish(reader)
			|| !call.id.bytes || !call.name.bytes) {
			aic_port_error(conversation, "the service sent a tool call without a name or an id; it was ignored");
		} else {
			aic_port_tool_call(conversation, call.id.bytes, call.name.bytes, call.arguments.bytes ? call.arguments.bytes
				: "{}");
		}
	}
	aic_json_reader_free(reader);
}

static void on_cancelled(struct aic_conversation *conversation, const struct gemini_message *message)
{
	struct aic_text id;
	struct aic_json_reader *reader = aic_json_reader_new(id_field, 1, &id, sizeof(id));

	for (const struct aic_json_element *element = message->cancelled.first; reader
		&& element; element = element->next) {
		if (!aic_json_reader_feed(reader, element->json.bytes, element->json.length) && !aic_json_reader_finish(reader)
			&& id.bytes) {
			aic_port_tool_cancelled(conversation, id.bytes);
		}
	}
	aic_json_reader_free(reader);
}

/*
 * With which handle another connection could go on. There are moments in a session that none can go on from: then there
 * is no handle, and the service may leave out what is false.
 */
static void on_resumption(struct aic_conversation *conversation, const struct gemini_message *message)
{
	struct gemini_resumption update;
	struct aic_json_reader *reader =
		aic_json_reader_new(resumption_fields, sizeof(resumption_fields) / sizeof(resumption_fields[0]), &update,
		sizeof(update));

	if (reader && !aic_json_reader_feed(reader, message->resumption.bytes, message->resumption.length)
		&& !aic_json_reader_finish(reader)) {
		aic_port_keep(conversation, update.resumable.value && update.handle.bytes ? update.handle.bytes : "");
	}
	aic_json_reader_free(reader);
}

/* "9.5s" */
static void expect_end(struct aic_conversation *conversation, const char *time_left)
{
	double left = strtod(time_left, NULL);

	aic_port_expires(conversation, left > 0 && left < 3600 ? (uint64_t) (left * 1000) : 0);
}

static bool has_content(const struct gemini_message *message)
{
	return message->audio.present || message->interrupted.present || message->turn_complete.present
		|| message->generation_complete.present || message->caller_text.bytes || message->agent_text.bytes
		|| message->caller_finished.present || message->agent_finished.present;
}

static void gemini_message(struct aic_conversation *conversation, const void *record)
{
	const struct gemini_message *message = record;
	bool known = message->input_tokens.present || message->all_tokens.present || message->other.bytes;

	/* Of the turn: what was said before counts again in each. */
	aic_port_used_tokens(conversation, message->input_tokens.value, message->output_tokens.value);
	if (message->setup_complete.bytes) {
		known = true;
		on_setup_complete(conversation, message);
	}
	if (has_content(message)) {
		known = true;
		on_content(conversation, message);
	}
	if (message->calls.first) {
		known = true;
		on_calls(conversation, message);
	}
	if (message->cancelled.first) {
		known = true;
		on_cancelled(conversation, message);
	}
	if (message->resumption.bytes) {
		known = true;
		on_resumption(conversation, message);
	}
	if (message->time_left.bytes) {
		known = true;
		expect_end(conversation, message->time_left.bytes);
	}
	if (!known) {
		aic_port_unknown(conversation, "(no known member)");
	}
}

/* --- what the host tells the service --- */

static int gemini_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
	struct aic_buffer *out)
{
	(void) conversation;
	static const char head[] = "{\"realtimeInput\":{\"audio\":{\"mimeType\":\"audio/pcm;rate=16000\",\"data\":\"";

	return aic_audio_message_write(out, head, audio, length, "\"}}}");
}

static void gemini_context(struct aic_conversation *conversation, const char *text)
{
	static const char note[] = "For your information, no answer is needed: ";
	struct aic_buffer whole = {0};

	if (aic_buffer_append(&whole, note, strlen(note)) || aic_buffer_append(&whole, text, strlen(text) + 1)) {
		aic_port_warn(conversation, "a message to the service was lost: out of memory");
	} else {
		send_text(conversation, (const char *) whole.bytes);
	}
	aic_buffer_free(&whole);
}

static void gemini_tool_result(struct aic_conversation *conversation, const struct aic_tool_result *result)
{
	struct aic_json_writer *writer = new_message(conversation, "toolResponse");

	aic_json_open_array(writer, "functionResponses");
	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "id", result->id);
	aic_json_put_text(writer, "name", result->name);
	aic_json_open_object(writer, "response");
	aic_json_put_text(writer, result->is_error ? "error" : "output", result->text);
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	aic_json_close_array(writer);
	send_message(conversation, writer);
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{.code = 1007, .status = AIC_STATUS_LOST, .sentence = "the service refused what it was sent",
		.advice = "check model, voice_id, language and api_key"},
	/* Said in the middle of sessions that were set up well: a fault of its own. */
	{.code = 1008, .reason = "not implemented, or supported, or enabled", .status = AIC_STATUS_LOST, .reopen = true,
		.sentence = "the service could not go on", .advice = "check model and api_key"},
	{.code = 1008, .status = AIC_STATUS_LOST, .sentence = "the service refused what it was sent",
		.advice = "check model and api_key"},
	{.code = 1011, .status = AIC_STATUS_LOST, .retry = true, .reopen = true,
		.sentence = "the service failed internally, or the account's quota is used up"},
};

const struct aic_provider aic_provider_gemini = {
	.name = "gemini",
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct gemini_message),
	.binary_is_json = true,
	.state_size = sizeof(struct gemini_state),
	.open = gemini_open,
	.begin = gemini_begin,
	.message = gemini_message,
	.encode_audio = gemini_encode_audio,
	.caller_began = gemini_caller_began,
	.caller_finished = gemini_caller_finished,
	.context = gemini_context,
	.user_message = send_text,
	.tool_result = gemini_tool_result,
	.tell_rest = gemini_tell_rest,
	.closes = closes,
	.close_count = sizeof(closes) / sizeof(closes[0]),
};
