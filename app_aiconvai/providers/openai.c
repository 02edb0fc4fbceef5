/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * OpenAI Realtime, in the shape it has since it is generally available; and servers that speak its protocol. JSON in
 * text messages, audio in base64.
 *
 * Opening: the account's key as a bearer token. The service speaks first (session.created), is told the session's
 * settings (session.update) and confirms them (session.updated): then audio flows. G.711 lines keep their format end to
 * end, others are resampled to 24 kHz.
 *
 * The service sends an answer as fast as it can and forgets what has been heard of it: when the caller begins to speak
 * it is told, item by item (conversation.item.truncate). Its names for items and responses are texts; here items get
 * numbers that grow, the event ids of the engine.
 *
 * What we send has a name that the service quotes in its errors: what was refused decides what an error means. When an
 * answer may be asked for is openai_answers.h's.
 *
 * Facts follow the vendor's OpenAPI description and the types of its Python client. Names of events from before general
 * availability are understood too: servers made by others still use them.
 */
#include "audio_message.h"
#include "close_codes.h"
#include "openai_answers.h"
#include "openai_session.h"
#include "provider_port.h"
#include "providers.h"
#include "url.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Items whose names are remembered: the agent speaks one at a time, and a few more may be queued behind it. */
#define ITEMS 8

/* What our messages are called (event_id); a request for an answer has its number behind it. */
#define NAME_ANSWER "aiconvai-answer-"
#define NAME_CANCEL "aiconvai-cancel"
#define NAME_COMMIT "aiconvai-commit"
#define NAME_INSTRUCTIONS "aiconvai-instructions"
#define NAME_RESULT "aiconvai-result"
#define NAME_TEXT "aiconvai-text"
#define NAME_TRUNCATE "aiconvai-truncate"

/* Longest part of the caller's words that is told before all of them are there. */
#define TENTATIVE_MAX 1024

/* An item of the agent's speech. */
struct item {
	char id[AIC_OPENAI_ID_MAX];
	int64_t event_id;
	uint64_t bytes; /* received, in the downlink format */
};

/* What somebody said, or says: its words come later. */
struct spoken {
	char id[AIC_OPENAI_ID_MAX];
	uint64_t turn;
};

struct openai_state {
	bool updated; /* the session's settings were confirmed */
	struct aic_audio_format format; /* both ways; its rate is 0 until the settings are sent */
	struct item items[ITEMS]; /* the latest ones, item n in place n mod ITEMS */
	int64_t last_event_id; /* of the latest item; 0: there was none */
	struct spoken spoken[ITEMS]; /* the latest ones */
	size_t spoken_count; /* of all */
	struct aic_openai_answers answers;
	char disputed_id[AIC_OPENAI_ID_MAX]; /* of the answer that the caller was heard during, the last time */
	char void_response_id[AIC_OPENAI_ID_MAX]; /* interrupted: what still comes of it is late */
	char caller_said[TENTATIVE_MAX]; /* so far, until the whole of it comes */
};

struct openai_message {
	struct aic_text type;
	struct aic_text piece;
	struct aic_json_bytes delta;
	struct aic_text item_id, response_id;
	struct aic_text transcript;
	struct aic_text session_id;
	struct aic_text whole_item_id, item_type, item_status, item_call_id, item_name, item_arguments;
	struct aic_text content_type;
	struct aic_text done_id, done_status, done_reason, done_error_type, done_error_message;
	struct aic_json_integer input_tokens, output_tokens;
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
	FIELD("item.id", AIC_JSON_STRING, whole_item_id),
	FIELD("item.type", AIC_JSON_STRING, item_type),
	FIELD("item.status", AIC_JSON_STRING, item_status),
	FIELD("item.call_id", AIC_JSON_STRING, item_call_id),
	FIELD("item.name", AIC_JSON_STRING, item_name),
	FIELD("item.arguments", AIC_JSON_STRING, item_arguments),
	FIELD("response.id", AIC_JSON_STRING, done_id),
	FIELD("response.status", AIC_JSON_STRING, done_status),
	FIELD("response.status_details.error.type", AIC_JSON_STRING, done_error_type),
	FIELD("response.status_details.error.message", AIC_JSON_STRING, done_error_message),
	FIELD("response.usage.input_tokens", AIC_JSON_INTEGER, input_tokens),
	FIELD("response.usage.output_tokens", AIC_JSON_INTEGER, output_tokens),
	FIELD("error.code", AIC_JSON_STRING, error_code),
	FIELD("error.type", AIC_JSON_STRING, error_type),
	FIELD("error.message", AIC_JSON_STRING, error_message),
	FIELD("error.event_id", AIC_JSON_STRING, error_event_id),
	FIELD("response.status_details.reason", AIC_JSON_STRING, done_reason),
	FIELD("item.content[].type", AIC_JSON_STRING, content_type),
};

static bool is(struct aic_text text, const char *word)
{
	return text.bytes && !strcmp(text.bytes, word);
}

static void keep_id(char *to, struct aic_text id)
{
	snprintf(to, AIC_OPENAI_ID_MAX, "%s", id.bytes ? id.bytes : "");
}

/* --- opening --- */

static char *websocket_url(const struct aic_settings *settings)
{
	if (settings->conversation_url) {
		return strdup(settings->conversation_url);
	}
	return aic_url_with_query(settings->conversation_endpoint, "model", settings->model);
}

static int openai_open(const struct aic_settings *settings, struct aic_request *request)
{
	request->kind = AIC_REQUEST_WEBSOCKET;
	request->url = websocket_url(settings);
	return request->url && !aic_request_add_key(request, settings->api_key_header, settings->api_key) ? 0 : -1;
}

/* --- messages to the service --- */

/* One of our messages, under the name by which the service's errors call it. */
static struct aic_json_writer *begin_named(struct aic_conversation *conversation, const char *type, const char *name)
{
	struct aic_json_writer *writer = aic_port_begin(conversation, type);

	aic_json_put_text(writer, "event_id", name);
	return writer;
}

/*
 * Asks for an answer if one is wished for and this is the moment, while so many of the agent's tools have not answered.
 */
static void ask_beside(struct aic_conversation *conversation, size_t open_tools)
{
	struct openai_state *state = aic_port_state(conversation);
	enum aic_openai_request request = aic_openai_answers_ask(&state->answers, open_tools);
	struct aic_json_writer *writer;
	char name[32];

	if (request == AIC_OPENAI_REQUEST_NONE) {
		return;
	}
	snprintf(name, sizeof(name), NAME_ANSWER "%u", state->answers.asked);
	writer = begin_named(conversation, "response.create", name);
	if (request == AIC_OPENAI_REQUEST_GREETING) {
		aic_json_open_object(writer, "response");
		aic_json_put_text(writer, "instructions", aic_port_first_message_order(conversation));
		aic_json_close_object(writer);
	}
	aic_port_finish(conversation, writer);
}

static void ask(struct aic_conversation *conversation)
{
	ask_beside(conversation, aic_port_open_tool_calls(conversation));
}

/* Adds a text to the conversation, as said by the caller ("user") or as something the agent should know ("system"). */
static void add_text(struct aic_conversation *conversation, const char *role, const char *text)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = begin_named(conversation, "conversation.item.create", NAME_TEXT);

	aic_openai_answers_told(&state->answers);
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

static void update_session(struct aic_conversation *conversation)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "session.update");

	state->format = aic_openai_session_format(aic_port_line_format(conversation));
	aic_openai_session_put(conversation, writer, state->format);
	aic_port_finish(conversation, writer);
}

/* The service speaks first. */
static void openai_begin(struct aic_conversation *conversation)
{
	(void) conversation;
}

/* --- messages from the service --- */

/* What the service says first: OpenAI's that there is a session, xAI's that there is a conversation. */
static void on_greeting(struct aic_conversation *conversation, const void *record)
{
	const struct openai_state *state = aic_port_state(conversation);

	(void) record;
	if (!state->format.rate) {
		update_session(conversation);
	}
}

static void on_session_updated(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	if (!state->format.rate) {
		aic_port_error(conversation, "the service confirmed settings that it was not sent yet; it was ignored");
		return;
	}
	if (state->updated) {
		return;
	}
	state->updated = true;
	aic_port_ready(conversation, message->session_id.bytes ? message->session_id.bytes : "", state->format,
		state->format);
	state->answers.greeting_wanted = aic_port_first_message_order(conversation) != NULL;
	ask(conversation);
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

static void on_audio_done(struct aic_conversation *conversation, const void *record)
{
	(void) record;
	aic_port_audio_done(conversation);
}

/* The number of that item's turn; 0: it has none. */
static uint64_t turn_of(const struct openai_state *state, struct aic_text id)
{
	for (size_t i = 0; id.bytes && i < ITEMS; i++) {
		if (state->spoken[i].turn && !strcmp(state->spoken[i].id, id.bytes)) {
			return state->spoken[i].turn;
		}
	}
	return 0;
}

/* The item of that name is the next thing that is said. */
static void note_spoken(struct aic_conversation *conversation, struct aic_text id)
{
	struct openai_state *state = aic_port_state(conversation);
	struct spoken *spoken;

	if (id.bytes && !turn_of(state, id)) {
		spoken = &state->spoken[state->spoken_count++ % ITEMS];
		keep_id(spoken->id, id);
		spoken->turn = aic_port_turn(conversation);
	}
}

static void truncate_item(struct aic_conversation *conversation, const struct item *item)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = begin_named(conversation, "conversation.item.truncate", NAME_TRUNCATE);
	uint64_t heard_ms = aic_port_heard_ms(conversation, item->event_id);
	uint64_t received_ms = aic_format_ms(state->format, item->bytes);

	aic_json_put_text(writer, "item_id", item->id);
	aic_json_put_integer(writer, "content_index", 0);
	/* The last frame heard may have been completed with silence. */
	aic_json_put_integer(writer, "audio_end_ms", (int64_t) (heard_ms < received_ms ? heard_ms : received_ms));
	aic_port_finish(conversation, writer);
}

static bool was_cut(const struct aic_interruption *interruption, int64_t event_id)
{
	size_t count = interruption->removed_chunks < AIC_REMOVED_IDS_MAX ? interruption->removed_chunks
		: AIC_REMOVED_IDS_MAX;

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
	struct aic_json_writer *writer = begin_named(conversation, "response.cancel", NAME_CANCEL);

	aic_json_put_text(writer, "response_id", state->answers.active_id);
	aic_port_finish(conversation, writer);
}

/* The caller speaks: an interruption only where the agent is speaking or about to. */
static void openai_caller_began(struct aic_conversation *conversation)
{
	struct openai_state *state = aic_port_state(conversation);
	bool speaks = state->answers.active_id[0] || aic_port_is_speaking(conversation);

	aic_openai_answers_caller_speaks(&state->answers, speaks && aic_port_may_interrupt(conversation));
	if (!speaks) {
		return;
	}
	memcpy(state->disputed_id, state->answers.active_id, sizeof(state->disputed_id));
	aic_port_interrupted(conversation, state->last_event_id);
}

/* Where the service is not to look for turns: what it has is all of one. */
static void openai_caller_finished(struct aic_conversation *conversation)
{
	aic_port_finish(conversation, begin_named(conversation, "input_audio_buffer.commit", NAME_COMMIT));
}

static void on_speech_started(struct aic_conversation *conversation, const void *record)
{
	(void) record;
	openai_caller_began(conversation);
}

static void openai_interrupted(struct aic_conversation *conversation, const struct aic_interruption *removed)
{
	struct openai_state *state = aic_port_state(conversation);

	aic_openai_answers_interrupted(&state->answers);
	if (state->disputed_id[0]) {
		memcpy(state->void_response_id, state->disputed_id, sizeof(state->void_response_id));
		if (!aic_openai_interrupts_itself(aic_port_settings(conversation))
			&& aic_openai_answers_is_active(&state->answers, state->disputed_id)) {
			cancel_response(conversation);
		}
	}
	if (aic_port_settings(conversation)->dialect == AIC_DIALECT_XAI) {
		return; /* which cannot be told what was heard */
	}
	for (size_t i = 0; i < ITEMS; i++) {
		if (state->items[i].event_id && was_cut(removed, state->items[i].event_id)) {
			truncate_item(conversation, &state->items[i]);
		}
	}
	ask(conversation);
}

/* The caller has finished speaking. */
static void on_committed(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	note_spoken(conversation, message->item_id);
	aic_openai_answers_caller_finished(&state->answers,
		aic_openai_answers_by_itself(aic_port_settings(conversation)));
	ask(conversation);
}

static void on_output_item_added(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;

	if (is(message->item_type, "message")) {
		note_spoken(conversation, message->whole_item_id);
	}
}

/* Whether it is something that we told it: what was said comes without words, or as audio. */
static void on_item_added(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	if (is(message->item_type, "function_call_output") || is(message->content_type, "input_text")) {
		aic_openai_answers_confirmed(&state->answers);
	}
}

static void on_response_created(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	aic_openai_answers_begun(&state->answers, message->done_id.bytes);
}

static void on_response_done(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);
	char text[AIC_REASON_MAX];

	aic_openai_answers_done(&state->answers, message->done_id.bytes);
	aic_port_used_tokens(conversation, message->input_tokens.value, message->output_tokens.value);
	if (is(message->done_status, "failed")) {
		snprintf(text, sizeof(text), "the service could not answer: %.80s: %.200s",
			message->done_error_type.bytes ? message->done_error_type.bytes : "no type",
			message->done_error_message.bytes ? message->done_error_message.bytes : "no message");
		aic_port_error(conversation, text);
	} else if (is(message->done_status, "incomplete")) {
		snprintf(text, sizeof(text), "the service broke off its answer: %.80s", message->done_reason.bytes
			? message->done_reason.bytes : "no reason");
		aic_port_warn(conversation, text);
	}
	ask(conversation);
}

/*
 * A call is whole, and meant, once its item is completed: its arguments are also sent, and "done", when the caller
 * interrupted.
 */
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

	aic_utf8_line(state->caller_said + length, TENTATIVE_MAX - length, message->piece.bytes ? message->piece.bytes
		: "");
	if (state->caller_said[0]) {
		aic_port_transcript_of(conversation, turn_of(state, message->item_id), AIC_ROLE_CALLER,
			AIC_TRANSCRIPT_TENTATIVE, state->caller_said, AIC_EVENT_ID_NONE);
	}
}

static void on_caller_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);

	state->caller_said[0] = '\0';
	if (message->transcript.bytes) {
		aic_port_transcript_of(conversation, turn_of(state, message->item_id), AIC_ROLE_CALLER, AIC_TRANSCRIPT_FINAL,
			message->transcript.bytes, AIC_EVENT_ID_NONE);
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
	struct openai_state *state = aic_port_state(conversation);
	const struct item *item = find_item(state, message->item_id);

	if (message->transcript.bytes) {
		aic_port_transcript_of(conversation, turn_of(state, message->item_id), AIC_ROLE_AGENT, AIC_TRANSCRIPT_FINAL,
			message->transcript.bytes, item ? item->event_id : AIC_EVENT_ID_NONE);
	}
}

/* What the service says where an answer is asked for while it makes one; older servers have no code for it. */
static bool is_busy(const struct openai_message *message)
{
	static const char sentence[] = "Conversation already has an active response";

	return is(message->error_code, "conversation_already_has_active_response")
		|| (message->error_message.bytes && !strncmp(message->error_message.bytes, sentence, strlen(sentence)));
}

/* The number of the request for an answer that was refused; 0: something else was. */
static unsigned int refused_answer(const struct openai_message *message)
{
	const char *name = message->error_event_id.bytes;

	return name && !strncmp(name, NAME_ANSWER, strlen(NAME_ANSWER)) ? (unsigned int) strtoul(name + strlen(NAME_ANSWER),
		NULL, 10) : 0;
}

/* What it means that one of our messages was refused; NULL: nothing, as it may have come a moment too late. */
static const struct {
	const char *name;
	const char *sentence;
} refusals[] = {
	{NAME_CANCEL, NULL},
	{NAME_COMMIT, "the service did not take what the caller said"},
	{NAME_TRUNCATE, NULL},
	{NAME_INSTRUCTIONS, "the service did not take the new instructions"},
	{NAME_RESULT, "the service did not take the result of a tool"},
	{NAME_TEXT, "the service did not take a text"},
};

/* Writes to `text`, of AIC_REASON_MAX bytes, what the service says, behind what it says that of. */
static void describe_error(const struct openai_message *message, const char *of, char *text)
{
	snprintf(text, AIC_REASON_MAX, "%s%serror %.80s: %.180s", of, *of ? ": " : "",
		message->error_code.bytes ? message->error_code.bytes : message->error_type.bytes ? message->error_type.bytes
		: "without a code",
		message->error_message.bytes ? message->error_message.bytes : "no message");
}

/* A message of ours that goes by a name was refused. Returns false where none was. */
static bool on_refusal(struct aic_conversation *conversation, const struct openai_message *message)
{
	struct openai_state *state = aic_port_state(conversation);
	unsigned int answer = refused_answer(message);
	char text[AIC_REASON_MAX];

	if (answer) {
		aic_openai_answers_refused(&state->answers, answer, is_busy(message));
		if (!is_busy(message)) {
			describe_error(message, "the service did not take a request for an answer", text);
			aic_port_warn(conversation, text);
		}
		return true;
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (!is(message->error_event_id, refusals[i].name)) {
			continue;
		}
		if (is(message->error_event_id, NAME_RESULT) || is(message->error_event_id, NAME_TEXT)) {
			aic_openai_answers_confirmed(&state->answers);
		} else if (is(message->error_event_id, NAME_COMMIT)) {
			aic_openai_answers_caller_said_nothing(&state->answers);
		}
		if (refusals[i].sentence) {
			describe_error(message, refusals[i].sentence, text);
			aic_port_warn(conversation, text);
		}
		return true;
	}
	return false;
}

static void on_error(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;
	struct openai_state *state = aic_port_state(conversation);
	char text[AIC_REASON_MAX];

	if (is(message->error_code, "beta_api_shape_disabled")) {
		aic_port_fail(conversation, "the server expects the Realtime interface from before general availability, which "
			"is gone: check conversation_endpoint and model");
		return;
	}
	describe_error(message, "", text);
	if (!state->updated) {
		/*
		 * The settings were refused; nothing else has been sent. The service would keep the session, with settings of
		 * its own.
		 */
		aic_port_fail(conversation, text);
	} else if (on_refusal(conversation, message)) {
		ask(conversation);
	} else if (is_busy(message)) {
		aic_openai_answers_collided(&state->answers);
		ask(conversation);
	} else {
		aic_port_error(conversation, text);
	}
}

static const struct aic_handler handlers[] = {
	{"response.output_audio.delta", on_audio},
	{"response.audio.delta", on_audio},
	{"response.output_audio.done", on_audio_done},
	{"response.audio.done", on_audio_done},
	{"session.created", on_greeting},
	{"conversation.created", on_greeting},
	{"session.updated", on_session_updated},
	{"input_audio_buffer.speech_started", on_speech_started},
	{"input_audio_buffer.committed", on_committed},
	{"response.created", on_response_created},
	{"response.done", on_response_done},
	{"response.output_item.added", on_output_item_added},
	{"response.output_item.done", on_output_item_done},
	{"conversation.item.added", on_item_added},
	{"conversation.item.created", on_item_added},
	{"conversation.item.input_audio_transcription.delta", on_caller_transcript_piece},
	{"conversation.item.input_audio_transcription.completed", on_caller_transcript},
	{"conversation.item.input_audio_transcription.failed", on_caller_transcript_failed},
	{"response.output_audio_transcript.done", on_agent_transcript},
	{"response.audio_transcript.done", on_agent_transcript},
	{"error", on_error},
	/* Known, and nothing to do for a phone call. */
	{"input_audio_buffer.speech_stopped", NULL},
	{"input_audio_buffer.cleared", NULL},
	{"input_audio_buffer.timeout_triggered", NULL},
	{"conversation.item.done", NULL},
	{"conversation.item.deleted", NULL},
	{"conversation.item.retrieved", NULL},
	{"conversation.item.truncated", NULL},
	{"conversation.item.input_audio_transcription.segment", NULL},
	{"response.content_part.added", NULL},
	{"response.content_part.done", NULL},
	{"response.output_audio_transcript.delta", NULL},
	{"response.audio_transcript.delta", NULL},
	{"response.output_text.delta", NULL},
	{"response.output_text.done", NULL},
	{"response.text.delta", NULL},
	{"response.text.done", NULL},
	{"response.function_call_arguments.delta", NULL},
	{"response.function_call_arguments.done", NULL},
	{"rate_limits.updated", NULL},
	{"ping", NULL},
};

static void openai_message(struct aic_conversation *conversation, const void *record)
{
	const struct openai_message *message = record;

	aic_port_dispatch(conversation, handlers, sizeof(handlers) / sizeof(handlers[0]), message->type.bytes, record);
}

/* --- what the host tells the service --- */

static int openai_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
	struct aic_buffer *out)
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
	struct aic_json_writer *writer = begin_named(conversation, "session.update", NAME_INSTRUCTIONS);

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
	struct openai_state *state = aic_port_state(conversation);

	add_text(conversation, "user", text);
	state->answers.wanted = true;
	ask(conversation);
}

static void openai_tool_result(struct aic_conversation *conversation, const struct aic_tool_result *result)
{
	struct openai_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = begin_named(conversation, "conversation.item.create", NAME_RESULT);
	size_t open = aic_port_open_tool_calls(conversation);

	/* There is no field for an error; the agent reads it. */
	aic_json_open_object(writer, "item");
	aic_json_put_text(writer, "type", "function_call_output");
	aic_json_put_text(writer, "call_id", result->id);
	aic_json_put_text(writer, "output", result->text);
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
	aic_openai_answers_told(&state->answers);
	/* The service answers what it is asked to. */
	state->answers.wanted = state->answers.wanted || !result->silent;
	/* The one being answered is still counted. */
	ask_beside(conversation, open ? open - 1 : 0);
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{.code = 1001, .status = AIC_STATUS_LOST, .retry = true, .reopen = true,
		.sentence = "the service went away, or the session reached its longest duration"},
	{.code = 3000, .status = AIC_STATUS_LOST, .sentence = "the service refused the request",
		.advice = "check api_key and model"},
	{.code = 4000, .status = AIC_STATUS_LOST, .sentence = "the service refused the request", .advice = "check model"},
};

const struct aic_provider aic_provider_openai = {
	.name = "openai",
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct openai_message),
	.state_size = sizeof(struct openai_state),
	.open = openai_open,
	.begin = openai_begin,
	.message = openai_message,
	.encode_audio = openai_encode_audio,
	.caller_began = openai_caller_began,
	.caller_finished = openai_caller_finished,
	.interrupted = openai_interrupted,
	.context = openai_context,
	.user_message = openai_user_message,
	.instruct = openai_instruct,
	.tool_result = openai_tool_result,
	.closes = closes,
	.close_count = sizeof(closes) / sizeof(closes[0]),
};
