/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * OpenAI Live: the full-duplex successor of OpenAI Realtime. JSON in text messages, audio in base64.
 *
 * Opening: the account's key as a bearer token. The first message is ours (session.start), the service confirms it
 * (session.started). One audio format goes both ways and is fixed then. The service hears and speaks at the same time
 * and decides by itself when to be silent: there is no interruption, no turn, no cut; what comes is played in order.
 * What it delegates to us comes as a tool call named "delegation". Either side ends the session by a message
 * (session.close, session.closed) before the WebSocket is closed.
 *
 * Facts follow the vendor's OpenAPI description and the types of its Python client.
 */
#include "audio_message.h"
#include "provider_port.h"
#include "providers.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The service's name for what it wants done. What that is was said in the conversation, and that is what whoever does
 * it is given; words are the answer.
 */
#define DELEGATION "delegation"

/* The linear rates it has. */
#define NARROW_LINEAR_RATE 16000
#define WIDE_LINEAR_RATE 24000

/* What is longer is told in several pieces. */
#define TRANSCRIPT_MAX 1024

/* The service takes 500 tokens at once; in no language has a token less than two bytes for long. */
#define APPEND_MAX 1000

struct live_state {
	struct aic_audio_format format; /* both ways */
	bool closed; /* the service has ended the session */
	char said[2][TRANSCRIPT_MAX]; /* by each role, as far as it was not told yet */
};

struct live_message {
	struct aic_text type;
	struct aic_text text;
	struct aic_json_bytes delta;
	struct aic_text session_id, reason;
	struct aic_json_integer expires_at; /* seconds since 1970 */
	struct aic_text delegation_id;
	struct aic_text error_code, error_message, refused;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct live_message, member)}

static const struct aic_json_field fields[] = {
	FIELD("type", AIC_JSON_STRING, type),
	FIELD("delta|_transcript.", AIC_JSON_STRING, text),
	FIELD("delta", AIC_JSON_BASE64, delta),
	FIELD("session.id", AIC_JSON_STRING, session_id),
	FIELD("session.expires_at", AIC_JSON_INTEGER, expires_at),
	FIELD("reason", AIC_JSON_STRING, reason),
	FIELD("delegation.id", AIC_JSON_STRING, delegation_id),
	FIELD("error.code", AIC_JSON_STRING, error_code),
	FIELD("error.message", AIC_JSON_STRING, error_message),
	FIELD("error.client_event_id", AIC_JSON_STRING, refused),
	FIELD("client_event_id", AIC_JSON_STRING, refused),
};

/* --- opening --- */

static int live_open(const struct aic_settings *settings, struct aic_request *request)
{
	return aic_request_websocket(request, settings->conversation_url ? settings->conversation_url
		: settings->conversation_endpoint) || aic_request_authorize(request, "Bearer", settings->api_key) ? -1 : 0;
}

/* --- messages to the service --- */

static struct aic_audio_format service_format(struct aic_audio_format line)
{
	if (line.rate == 8000) {
		return (struct aic_audio_format) {line.encoding == AIC_ENCODING_ALAW ? AIC_ENCODING_ALAW : AIC_ENCODING_ULAW,
			8000};
	}
	return (struct aic_audio_format) {AIC_ENCODING_PCM16, line.rate == NARROW_LINEAR_RATE ? NARROW_LINEAR_RATE
		: WIDE_LINEAR_RATE};
}

static void put_format(struct aic_json_writer *writer, struct aic_audio_format format)
{
	static const char *const types[] = {
		[AIC_ENCODING_ULAW] = "audio/pcmu",
		[AIC_ENCODING_ALAW] = "audio/pcma",
		[AIC_ENCODING_PCM16] = "audio/pcm",
	};

	aic_json_open_object(writer, "format");
	aic_json_put_text(writer, "type", types[format.encoding]);
	aic_json_put_integer(writer, "rate", format.rate);
	aic_json_close_object(writer);
}

static void live_begin(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = aic_port_settings(conversation);
	struct live_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_begin(conversation, "session.start");

	state->format = service_format(aic_port_line_format(conversation));
	aic_json_open_object(writer, "session");
	aic_json_put_text(writer, "model", settings->model);
	if (aic_port_prompt(conversation)) {
		aic_json_put_text(writer, "instructions", aic_port_prompt(conversation));
	}
	aic_json_open_object(writer, "audio");
	put_format(writer, state->format);
	aic_json_open_object(writer, "output");
	aic_json_put_text(writer, "voice", settings->voice_id);
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	aic_json_open_object(writer, "delegation");
	aic_json_put_text(writer, "type", "client");
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	aic_port_finish(conversation, writer);
}

/* How much of a text goes into one message: all of it, or whole words of it. */
static size_t piece_length(const char *text)
{
	size_t length = strnlen(text, APPEND_MAX + 1), cut = APPEND_MAX - 1;

	if (length <= APPEND_MAX) {
		return length;
	}
	while (cut && text[cut] != ' ' && text[cut] != '\n') {
		cut--;
	}
	if (cut) {
		return cut + 1;
	}
	/* One word: not in the middle of a character. */
	for (cut = APPEND_MAX; cut && ((unsigned char) text[cut] & 0xc0) == 0x80; cut--) {
	}
	return cut;
}

/* Something that we tell it, by the name (event_id) that the service's errors call it by. */
struct told {
	const char *type, *name;
	const char *refused; /* what is said where it was */
};

static const struct told context_of_call = {"session.thinking.append", "aiconvai-context",
	"the service did not take what the agent should know"};
static const struct told instructions = {"session.instructions.append", "aiconvai-instructions",
	"the service did not take the new instructions"};
static const struct told result_of_tool = {"session.commentary.append", "aiconvai-result",
	"the service did not take the result of a tool"};
static const struct told text_of_caller = {"session.commentary.append", "aiconvai-text",
	"the service did not take a text"};

/* That there is no delegation has to be said, too. */
static void append(struct aic_conversation *conversation, const struct told *told, const char *content,
	const char *delegation_id)
{
	const struct live_state *state = aic_port_state(conversation);

	if (state->closed) {
		aic_port_warn(conversation, "the service has closed the session: it was not told any more");
		return;
	}
	do {
		struct aic_json_writer *writer = aic_port_begin(conversation, told->type);
		size_t length = piece_length(content);
		char piece[APPEND_MAX + 1];

		memcpy(piece, content, length);
		piece[length] = '\0';
		content += length;
		aic_json_put_text(writer, "event_id", told->name);
		aic_json_put_text(writer, "content", piece);
		if (delegation_id) {
			aic_json_put_text(writer, "delegation_id", delegation_id);
		} else {
			aic_json_put_null(writer, "delegation_id");
		}
		aic_port_finish(conversation, writer);
	} while (*content);
}

/* --- messages from the service --- */

static void on_started(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;
	struct live_state *state = aic_port_state(conversation);

	aic_port_ready(conversation, message->session_id.bytes ? message->session_id.bytes : "", state->format,
		state->format);
	if (message->expires_at.present) {
		aic_port_expires_at(conversation, message->expires_at.value);
	}
	if (aic_port_first_message_order(conversation)) {
		append(conversation, &instructions, aic_port_first_message_order(conversation), NULL);
	}
}

static void on_audio(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;

	if (!aic_port_is_audio(conversation, &message->delta)) {
		return;
	}
	aic_port_audio(conversation, 0, message->delta.bytes, message->delta.length);
}

/* Tells what one of them said so far: the other one speaks, or nobody does any more. */
static void tell_transcript(struct aic_conversation *conversation, enum aic_role role)
{
	struct live_state *state = aic_port_state(conversation);

	if (state->said[role][0]) {
		aic_port_transcript(conversation, role, AIC_TRANSCRIPT_FINAL, state->said[role], AIC_EVENT_ID_NONE);
		state->said[role][0] = '\0';
	}
}

static void live_tell_rest(struct aic_conversation *conversation)
{
	tell_transcript(conversation, AIC_ROLE_CALLER);
	tell_transcript(conversation, AIC_ROLE_AGENT);
}

/* Transcripts come word by word, and nothing says where a turn ends. */
static void add_transcript(struct aic_conversation *conversation, enum aic_role role, const char *text)
{
	struct live_state *state = aic_port_state(conversation);
	char *said = state->said[role];

	tell_transcript(conversation, role == AIC_ROLE_CALLER ? AIC_ROLE_AGENT : AIC_ROLE_CALLER);
	if (strlen(said) + strlen(text) >= TRANSCRIPT_MAX) {
		tell_transcript(conversation, role);
	}
	aic_utf8_line(said + strlen(said), TRANSCRIPT_MAX - strlen(said), text);
}

static void on_caller_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;

	add_transcript(conversation, AIC_ROLE_CALLER, message->text.bytes ? message->text.bytes : "");
	aic_port_caller_speaks(conversation, "");
}

static void on_agent_transcript(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;

	add_transcript(conversation, AIC_ROLE_AGENT, message->text.bytes ? message->text.bytes : "");
}

/* It does not say what is wanted: that was said in the conversation. */
static void on_delegation(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;

	live_tell_rest(conversation);
	if (message->delegation_id.bytes) {
		char *parameters = aic_port_said_as_json(conversation, "conversation");

		aic_port_tool_call(conversation, message->delegation_id.bytes, DELEGATION, parameters ? parameters : "{}");
		free(parameters);
	}
}

static const struct {
	const char *reason;
	bool good;
	bool replaced; /* another session takes over */
	const char *sentence;
} ends[] = {
	{"close_requested", true, false, "the service closed the session"},
	{"remote_hangup", true, false, "the service hung up"},
	{"expired", false, true, "the session reached its longest duration"},
	{"content", false, false, "the service ended the session because of what was said"},
	{"connection_lost", false, true, "the service lost its connection"},
};

/* The code that the WebSocket is closed with does not tell a good end from another. */
static void on_closed(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;
	struct live_state *state = aic_port_state(conversation);
	const char *reason = message->reason.bytes ? message->reason.bytes : "no reason";
	char text[AIC_REASON_MAX];

	/* What came now would be refused. */
	state->closed = true;
	aic_port_deaf(conversation);
	live_tell_rest(conversation);
	snprintf(text, sizeof(text), "the service closed the session: %.100s", reason);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (!strcmp(ends[i].reason, reason)) {
			if (ends[i].good && aic_port_is_active(conversation)) {
				aic_port_agent_ends(conversation);
				return;
			}
			if (ends[i].replaced && aic_port_is_active(conversation)) {
				aic_port_expires(conversation, 0);
				return;
			}
			snprintf(text, sizeof(text), "%s", ends[i].sentence);
		}
	}
	aic_port_fail(conversation, text);
}

/* What was refused, NULL: nothing that we told it. */
static const char *what_was_refused(const struct live_message *message)
{
	const struct told *const all[] = {&context_of_call, &instructions, &result_of_tool, &text_of_caller};

	for (size_t i = 0; message->refused.bytes && i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(message->refused.bytes, all[i]->name)) {
			return all[i]->refused;
		}
	}
	return NULL;
}

static void on_error(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;
	const char *refused = what_was_refused(message);
	char text[AIC_REASON_MAX];

	snprintf(text, sizeof(text), "%s%serror %.80s: %.180s", refused ? refused : "", refused ? ": " : "",
		message->error_code.bytes ? message->error_code.bytes : "without a code",
		message->error_message.bytes ? message->error_message.bytes : "no message");
	if (!aic_port_is_active(conversation)) {
		aic_port_fail(conversation, text);
	} else if (refused) {
		aic_port_warn(conversation, text);
	} else {
		aic_port_error(conversation, text);
	}
}

static const struct aic_handler handlers[] = {
	{"session.output_audio.delta", on_audio},
	{"session.started", on_started},
	{"session.input_transcript.delta", on_caller_transcript},
	{"session.output_transcript.delta", on_agent_transcript},
	{"session.delegation.created", on_delegation},
	{"session.closed", on_closed},
	{"error", on_error},
	/* Known, and nothing to do for a phone call. */
	{"info", NULL},
	{"session.updated", NULL},
	{"session.commentary.appended", NULL},
	{"session.instructions.appended", NULL},
	{"session.thinking.appended", NULL},
	{"session.input_audio.muted", NULL},
	{"session.input_audio.unmuted", NULL},
	{"session.usage.updated", NULL},
};

static void live_message(struct aic_conversation *conversation, const void *record)
{
	const struct live_message *message = record;

	aic_port_dispatch(conversation, handlers, sizeof(handlers) / sizeof(handlers[0]), message->type.bytes, record);
}

/* --- what the host tells the service --- */

static int live_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
	struct aic_buffer *out)
{
	(void) conversation;
	return aic_audio_message_write(out, "{\"type\":\"session.input_audio.append\",\"audio\":\"", audio, length, "\"}");
}

static void live_context(struct aic_conversation *conversation, const char *text)
{
	append(conversation, &context_of_call, text, NULL);
}

static void live_instruct(struct aic_conversation *conversation, const char *text)
{
	append(conversation, &instructions, text, NULL);
}

static void live_user_message(struct aic_conversation *conversation, const char *text)
{
	append(conversation, &text_of_caller, text, NULL);
}

static void live_tool_result(struct aic_conversation *conversation, const struct aic_tool_result *result)
{
	/* There is no field for an error; the agent reads it. */
	append(conversation, &result_of_tool, result->text, result->id);
}

/* --- the end --- */

/* Without it the service takes the close for a connection that broke. */
static void live_finish(struct aic_conversation *conversation)
{
	const struct live_state *state = aic_port_state(conversation);

	if (!state->closed) {
		aic_port_finish(conversation, aic_port_begin(conversation, "session.close"));
	}
}

const struct aic_provider aic_provider_openai_live = {
	.name = "openai_live",
	.full_duplex = true,
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct live_message),
	.state_size = sizeof(struct live_state),
	.open = live_open,
	.begin = live_begin,
	.message = live_message,
	.encode_audio = live_encode_audio,
	.context = live_context,
	.user_message = live_user_message,
	.instruct = live_instruct,
	.tool_result = live_tool_result,
	.finish = live_finish,
	.tell_rest = live_tell_rest,
};
