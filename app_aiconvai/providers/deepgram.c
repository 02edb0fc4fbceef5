/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Deepgram Voice Agent, version 1: JSON in text messages, audio as it is in binary ones, both ways.
 *
 * Opening: the account's key in a header. The service greets (Welcome), is told the settings (Settings, once) and
 * confirms them (SettingsApplied): then audio flows. The line keeps its format: the service takes and gives G.711 and
 * linear audio of nearly any rate.
 *
 * Audio has no ids. When the caller begins to speak while the agent is, what is queued is dropped, and so is what still
 * comes, until the service says something that belongs to another turn (what the caller said, that the agent thinks,
 * what it says). That rule is ours: the service has none.
 *
 * Facts follow the vendor's AsyncAPI description and its Python client.
 */
#include "close_codes.h"
#include "provider_port.h"
#include "providers.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The service closes a connection without audio or a sign of life after ten seconds. */
#define KEEP_ALIVE_MS 8000

/* Silence in the place of a caller from whom nothing comes: enough to end any turn of his. */
#define SILENCE_MS 3000

/* Most that is added to the prompt in a session. */
#define TOLD_MAX 4096

struct deepgram_state {
	struct aic_audio_format format; /* both ways; its rate is 0 until the settings are sent */
	char request_id[128];
	int64_t turn;      /* the event id of the agent's audio that comes; 0: none has come yet */
	bool turn_is_void; /* it was interrupted: what still comes of it is late */
	bool caller_was_heard, caller_has_said; /* since it began: what the agent says next is another turn */
	bool agent_sends;  /* audio of this turn came, and its end has not */
	char told[TOLD_MAX]; /* what the agent was told besides its prompt: the latest of it */
};

struct deepgram_message {
	struct aic_text type;
	struct aic_text request_id;
	struct aic_text role, content;
	struct aic_text description, code, message;
	struct aic_json_list functions;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct deepgram_message, member)}

static const struct aic_json_field fields[] = {
	FIELD("type", AIC_JSON_STRING, type),
	FIELD("request_id", AIC_JSON_STRING, request_id),
	FIELD("role", AIC_JSON_STRING, role),
	FIELD("content", AIC_JSON_STRING, content),
	FIELD("description", AIC_JSON_STRING, description),
	FIELD("code", AIC_JSON_STRING, code),
	FIELD("message", AIC_JSON_STRING, message),
	FIELD("functions[]", AIC_JSON_LIST, functions),
};

struct deepgram_function {
	struct aic_text id, name, arguments;
	struct aic_json_boolean client_side;
};

#define FUNCTION_FIELD(path_, kind_, member) {path_, kind_, offsetof(struct deepgram_function, member)}

static const struct aic_json_field function_fields[] = {
	FUNCTION_FIELD("id", AIC_JSON_STRING, id),
	FUNCTION_FIELD("name", AIC_JSON_STRING, name),
	FUNCTION_FIELD("arguments", AIC_JSON_STRING, arguments),
	FUNCTION_FIELD("client_side", AIC_JSON_BOOLEAN, client_side),
};

/* --- opening --- */

static int deepgram_open(const struct aic_settings *settings, struct aic_request *request)
{
	return aic_request_websocket(request, settings->conversation_url ? settings->conversation_url
		: settings->conversation_endpoint) || aic_request_authorize(request, "Token", settings->api_key) ? -1 : 0;
}

/* --- messages to the service --- */

/* The line's own format where the service has it: of linear audio it has neither 12 nor 44.1 kHz. */
static struct aic_audio_format service_format(struct aic_audio_format line)
{
	switch (line.rate) {
	case 12000:
		line.rate = 16000;
		break;
	case 44100:
		line.rate = 48000;
		break;
	default:
		break;
	}
	return line;
}

static void put_format(struct aic_json_writer *writer, const char *key, struct aic_audio_format format, bool container)
{
	static const char *const encodings[] = {
		[AIC_ENCODING_ULAW] = "mulaw",
		[AIC_ENCODING_ALAW] = "alaw",
		[AIC_ENCODING_PCM16] = "linear16",
	};

	aic_json_open_object(writer, key);
	aic_json_put_text(writer, "encoding", encodings[format.encoding]);
	aic_json_put_integer(writer, "sample_rate", format.rate);
	if (container) {
		aic_json_put_text(writer, "container", "none");
	}
	aic_json_close_object(writer);
}

static void put_provider(struct aic_json_writer *writer, const char *type, const char *model)
{
	aic_json_open_object(writer, "provider");
	aic_json_put_text(writer, "type", type);
	aic_json_put_text(writer, "model", model);
	aic_json_close_object(writer);
}

/* Flux models are behind a newer interface, and but for the multilingual one have their language in their name. */
static void put_listen(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	bool flux = !strncmp(settings->listen_model, "flux-", strlen("flux-"));

	aic_json_open_object(writer, "listen");
	aic_json_open_object(writer, "provider");
	aic_json_put_text(writer, "type", "deepgram");
	aic_json_put_text(writer, "version", flux ? "v2" : "v1");
	aic_json_put_text(writer, "model", settings->listen_model);
	if (settings->language && !flux) {
		aic_json_put_text(writer, "language", settings->language);
	} else if (settings->language && strstr(settings->listen_model, "multi")) {
		aic_json_open_array(writer, "language_hints");
		aic_json_put_text(writer, NULL, settings->language);
		aic_json_close_array(writer);
	}
	aic_json_close_object(writer);
	aic_json_close_object(writer);
}

/* What was said before, in a session that goes on from another. */
static void put_history(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	struct aic_said said = {.role = AIC_ROLE_CALLER};

	aic_json_open_array(writer, "messages");
	while (aic_port_next_said(conversation, &said)) {
		char *text = strndup(said.text, said.length);

		aic_json_open_object(writer, NULL);
		aic_json_put_text(writer, "type", "History");
		aic_json_put_text(writer, "role", said.role == AIC_ROLE_CALLER ? "user" : "assistant");
		aic_json_put_text(writer, "content", text ? text : "");
		aic_json_close_object(writer);
		free(text);
	}
	aic_json_close_array(writer);
}

static void put_agent(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	const struct aic_settings *settings = aic_port_settings(conversation);

	if (settings->agent_id) {
		aic_json_put_text(writer, "agent", settings->agent_id);
		return;
	}
	aic_json_open_object(writer, "agent");
	if (aic_port_first_message(conversation)) {
		aic_json_put_text(writer, "greeting", aic_port_first_message(conversation));
	}
	if (aic_port_goes_on(conversation)) {
		aic_json_open_object(writer, "context");
		put_history(conversation, writer);
		aic_json_close_object(writer);
	}
	put_listen(writer, settings);
	aic_json_open_object(writer, "think");
	put_provider(writer, settings->think_provider, settings->think_model);
	if (aic_port_prompt(conversation)) {
		aic_json_put_text(writer, "prompt", aic_port_prompt(conversation));
	}
	if (aic_port_tools(conversation)->count) {
		aic_port_put_tools(conversation, writer, "functions", NULL, "parameters");
	}
	aic_json_close_object(writer);
	aic_json_open_object(writer, "speak");
	put_provider(writer, "deepgram", settings->voice_id);
	aic_json_close_object(writer);
	aic_json_close_object(writer);
}

static void send_settings(struct aic_conversation *conversation)
{
	struct deepgram_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "Settings");

	state->format = service_format(aic_port_line_format(conversation));
	aic_json_open_object(writer, "audio");
	put_format(writer, "input", state->format, false);
	put_format(writer, "output", state->format, true);
	aic_json_close_object(writer);
	put_agent(conversation, writer);
	aic_port_finish(conversation, writer);
}

/* The service speaks first. */
static void deepgram_begin(struct aic_conversation *conversation)
{
	(void) conversation;
}

/* --- messages from the service --- */

static void on_welcome(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;
	struct deepgram_state *state = aic_port_state(conversation);

	/* Settings are taken once. */
	if (state->format.rate) {
		return;
	}
	snprintf(state->request_id, sizeof(state->request_id), "%s", message->request_id.bytes ? message->request_id.bytes
		: "");
	send_settings(conversation);
}

static void on_settings_applied(struct aic_conversation *conversation, const void *record)
{
	struct deepgram_state *state = aic_port_state(conversation);

	(void) record;
	if (!state->format.rate) {
		aic_port_error(conversation, "the service confirmed settings that it was not sent yet; it was ignored");
		return;
	}
	aic_port_ready(conversation, state->request_id, state->format, state->format);
}

static void on_user_started_speaking(struct aic_conversation *conversation, const void *record)
{
	struct deepgram_state *state = aic_port_state(conversation);

	(void) record;
	/*
	 * It comes with every utterance; where the agent is silent there is nothing to interrupt, and no late audio to wait
	 * for.
	 */
	if (state->turn_is_void || (!state->agent_sends && !aic_port_is_speaking(conversation))) {
		return;
	}
	state->caller_was_heard = true;
	aic_port_interrupted(conversation, state->turn);
}

static void deepgram_interrupted(struct aic_conversation *conversation, const struct aic_interruption *removed)
{
	struct deepgram_state *state = aic_port_state(conversation);

	(void) removed;
	state->turn_is_void = state->agent_sends;
}

/* Something that belongs to another turn than the one that was interrupted. */
static void end_void_turn(struct aic_conversation *conversation)
{
	struct deepgram_state *state = aic_port_state(conversation);

	if (state->turn_is_void) {
		state->turn_is_void = state->agent_sends = false;
	}
}

static void on_turn(struct aic_conversation *conversation, const void *record)
{
	(void) record;
	end_void_turn(conversation);
}

static void on_conversation_text(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;
	struct deepgram_state *state = aic_port_state(conversation);
	bool caller = message->role.bytes && !strcmp(message->role.bytes, "user");

	end_void_turn(conversation);
	if (caller) {
		state->caller_has_said = state->caller_was_heard;
	} else if (state->caller_has_said) {
		state->caller_was_heard = state->caller_has_said = state->agent_sends = false;
	}
	if (message->content.bytes) {
		aic_port_transcript(conversation, caller ? AIC_ROLE_CALLER : AIC_ROLE_AGENT, AIC_TRANSCRIPT_FINAL,
			message->content.bytes, caller ? AIC_EVENT_ID_NONE : state->turn + !state->agent_sends);
	}
}

static void on_agent_audio_done(struct aic_conversation *conversation, const void *record)
{
	struct deepgram_state *state = aic_port_state(conversation);

	(void) record;
	state->turn_is_void = state->agent_sends = false;
	aic_port_audio_done(conversation);
}

static void deepgram_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	struct deepgram_state *state = aic_port_state(conversation);

	if (!state->turn_is_void && !state->agent_sends) {
		state->turn++;
		state->agent_sends = true;
	}
	aic_port_audio(conversation, state->turn, bytes, length);
}

/* Calls `handle` with each function of the message. */
static void each_function(struct aic_conversation *conversation, const struct deepgram_message *message,
	void (*handle)(struct aic_conversation *conversation, const struct deepgram_function *function))
{
	struct deepgram_function function;
	struct aic_json_reader *reader =
		aic_json_reader_new(function_fields, sizeof(function_fields) / sizeof(function_fields[0]), &function,
		sizeof(function));

	for (const struct aic_json_element *element = message->functions.first; reader
		&& element; element = element->next) {
		if (aic_json_reader_feed(reader, element->json.bytes, element->json.length) || aic_json_reader_finish(reader)
			|| !function.id.bytes || !function.name.bytes) {
			aic_port_error(conversation, "the service sent a tool call without a name or an id; it was ignored");
		} else {
			handle(conversation, &function);
		}
	}
	aic_json_reader_free(reader);
}

static void call_function(struct aic_conversation *conversation, const struct deepgram_function *function)
{
	/* Those with an endpoint the service calls itself, and only tells. */
	if (!function->client_side.present || function->client_side.value) {
		aic_port_tool_call(conversation, function->id.bytes, function->name.bytes,
			function->arguments.bytes && function->arguments.length ? function->arguments.bytes : "{}");
	}
}

static void cancel_function(struct aic_conversation *conversation, const struct deepgram_function *function)
{
	aic_port_tool_cancelled(conversation, function->id.bytes);
}

static void on_function_call_request(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;

	each_function(conversation, message, call_function);
}

static void on_function_call_cancelled(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;

	each_function(conversation, message, cancel_function);
}

/* Writes to `text`, of AIC_REASON_MAX bytes, what a warning or an error says. */
static void describe(const struct deepgram_message *message, const char *kind, char *text)
{
	snprintf(text, AIC_REASON_MAX, "%s %.80s: %.200s", kind, message->code.bytes ? message->code.bytes
		: "without a code",
		message->description.bytes ? message->description.bytes : message->message.bytes ? message->message.bytes
		: "no description");
}

static void on_warning(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;
	char text[AIC_REASON_MAX];

	describe(message, "warning", text);
	aic_port_warn(conversation, text);
}

/* Whether the service refused what it was told: it would refuse it again. */
static bool is_refusal(const struct deepgram_message *message)
{
	static const char *const codes[] = {"INVALID_SETTINGS", "UNPARSABLE_CLIENT_MESSAGE", "INVALID_AGENT_ID",
		"AGENT_ID_NOT_SUPPORTED"};

	for (size_t i = 0; message->code.bytes && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (!strcmp(codes[i], message->code.bytes)) {
			return true;
		}
	}
	return false;
}

/* Always the end, even if the service should not close the connection after it. */
static void on_error(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;
	char text[AIC_REASON_MAX];

	describe(message, "error", text);
	if (aic_port_is_active(conversation) || is_refusal(message)) {
		aic_port_fail(conversation, text);
	} else {
		/* What the service failed at may succeed at the next attempt, once it has closed this one. */
		aic_port_error(conversation, text);
	}
}

static void on_injection_refused(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;
	char text[AIC_REASON_MAX];

	snprintf(text, sizeof(text), "the service did not say what it was told to say: %.250s", message->message.bytes
		? message->message.bytes : "no reason");
	aic_port_warn(conversation, text);
}

static const struct aic_handler handlers[] = {
	{"Welcome", on_welcome},
	{"SettingsApplied", on_settings_applied},
	{"UserStartedSpeaking", on_user_started_speaking},
	{"ConversationText", on_conversation_text},
	{"AgentThinking", on_turn},
	{"AgentStartedSpeaking", on_turn},
	{"AgentAudioDone", on_agent_audio_done},
	{"FunctionCallRequest", on_function_call_request},
	{"FunctionCallCancelled", on_function_call_cancelled},
	{"InjectionRefused", on_injection_refused},
	{"Warning", on_warning},
	{"Error", on_error},
	/* Known, and nothing to do for a phone call. */
	{"PromptUpdated", NULL},
	{"SpeakUpdated", NULL},
	{"ThinkUpdated", NULL},
	{"ListenUpdated", NULL},
	{"ThinkLiveUpdated", NULL},
	{"LatencyReport", NULL},
	{"History", NULL},
	{"FrustrationDetected", NULL},
	{"FunctionCallResponse", NULL},
	{"__customFromThinkProvider", NULL},
};

static void deepgram_message(struct aic_conversation *conversation, const void *record)
{
	const struct deepgram_message *message = record;

	aic_port_dispatch(conversation, handlers, sizeof(handlers) / sizeof(handlers[0]), message->type.bytes, record);
}

/* --- what the host tells the service --- */

static void deepgram_keep_alive(struct aic_conversation *conversation)
{
	aic_port_finish(conversation, aic_port_begin(conversation, "KeepAlive"));
}

/* Adds a text to what the agent was told, of which the oldest gives way. */
static void add_told(struct deepgram_state *state, const char *text)
{
	size_t more = strlen(text) + strlen("\n\n"), length = strlen(state->told);
	size_t over = length + more >= TOLD_MAX ? length + more - TOLD_MAX + 1 : 0;
	const char *from = over < length ? strstr(state->told + over, "\n\n") : NULL;

	if (over) {
		/* Whole texts go. */
		memmove(state->told, from ? from : "", from ? strlen(from) + 1 : 1);
		length = strlen(state->told);
	}
	/* A text that is longer by itself ends where a character does. */
	snprintf(state->told + length, TOLD_MAX - length, "\n\n%.*s",
		(int) aic_utf8_cut(text, TOLD_MAX - 1 - length - strlen("\n\n")), text);
}

/*
 * The service's documentation says in one place that a new prompt is added to the one before, in another that it takes
 * its place: a prompt that has all in it is right in both.
 */
static void deepgram_context(struct aic_conversation *conversation, const char *text)
{
	struct deepgram_state *state = aic_port_state(conversation);
	const char *prompt = aic_port_prompt(conversation), *told;
	struct aic_json_writer *writer;
	struct aic_buffer whole = {0};

	add_told(state, text);
	/* Without a prompt the blank lines in front are not wanted. */
	told = prompt ? state->told : state->told + strlen("\n\n");
	if (!aic_buffer_append(&whole, prompt ? prompt : "", prompt ? strlen(prompt) : 0)
		&& !aic_buffer_append(&whole, told, strlen(told) + 1)) {
		writer = aic_port_begin(conversation, "UpdatePrompt");
		aic_json_put_text(writer, "prompt", (const char *) whole.bytes);
		aic_port_finish(conversation, writer);
	}
	aic_buffer_free(&whole);
}

static void deepgram_user_message(struct aic_conversation *conversation, const char *text)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "InjectUserMessage");

	aic_json_put_text(writer, "content", text);
	aic_port_finish(conversation, writer);
}

static void deepgram_tool_result(struct aic_conversation *conversation, const struct aic_tool_result *result)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, "FunctionCallResponse");

	/* There is no field for an error; the agent reads it. */
	aic_json_put_text(writer, "id", result->id);
	aic_json_put_text(writer, "name", result->name);
	aic_json_put_text(writer, "content", result->text);
	aic_port_finish(conversation, writer);
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{.code = 1005, .status = AIC_STATUS_LOST, .sentence = "the service closed the connection without a reason, as it "
		"does when it refuses the settings"},
	{.code = 1011, .status = AIC_STATUS_LOST, .retry = true, .reopen = true,
		.sentence = "the service failed internally, or nothing was sent to it for too long"},
};

const struct aic_provider aic_provider_deepgram = {
	.name = "deepgram",
	/* A caller on hold need not be streamed as silence. */
	.silence_ms_max = SILENCE_MS,
	.keep_alive = deepgram_keep_alive,
	.keep_alive_ms = KEEP_ALIVE_MS,
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct deepgram_message),
	.state_size = sizeof(struct deepgram_state),
	.open = deepgram_open,
	.begin = deepgram_begin,
	.message = deepgram_message,
	.audio = deepgram_audio,
	.interrupted = deepgram_interrupted,
	.context = deepgram_context,
	.user_message = deepgram_user_message,
	.tool_result = deepgram_tool_result,
	.closes = closes,
	.close_count = sizeof(closes) / sizeof(closes[0]),
};
