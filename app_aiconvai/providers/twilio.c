/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Twilio Media Streams, from the side of the telephone network: for the many AI servers that are written for it. JSON
 * in text messages, numbers as text, audio as mu-law in base64.
 *
 * Opening: a WebSocket, two messages of ours (connected, start), and audio flows at once: the service confirms nothing.
 * It interrupts by itself (clear), and learns how far its audio has been heard by marks, which are echoed when what
 * stands before them has been heard, or was dropped. It ends the call by closing.
 *
 * Facts follow the vendor's documentation of Media Streams.
 */
#include "audio_message.h"
#include "close_codes.h"
#include "provider_port.h"
#include "providers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct aic_audio_format stream_format = {AIC_ENCODING_ULAW, 8000};

/* Two letters and 32 hexadecimal digits. */
#define SID_LENGTH 35

struct twilio_state {
	char stream_sid[SID_LENGTH], call_sid[SID_LENGTH], account_sid[SID_LENGTH];
	uint64_t sequence; /* of the message sent last */
	uint64_t chunks;   /* of audio sent */
	uint64_t bytes;    /* of audio sent */
	int64_t turn;      /* the event id of the audio that comes; a clear ends one */
};

struct twilio_message {
	struct aic_text event;
	struct aic_json_bytes payload;
	struct aic_text mark_name;
};

#define FIELD(path_, kind_, member) {path_, kind_, offsetof(struct twilio_message, member)}

static const struct aic_json_field fields[] = {
	FIELD("event", AIC_JSON_STRING, event),
	FIELD("media.payload", AIC_JSON_BASE64, payload),
	FIELD("mark.name", AIC_JSON_STRING, mark_name),
};

/* --- opening --- */

static int twilio_open(const struct aic_settings *settings, struct aic_request *request)
{
	/* Twilio itself sends no key; a server of one's own may want it. */
	return aic_request_websocket(request, settings->conversation_url)
		|| aic_request_authorize(request, "Bearer", settings->api_key) ? -1 : 0;
}

/* --- messages to the service --- */

/* An identifier in the form of Twilio's, the same for the same call: FNV-1a, twice, over the prefix and the text. */
static void make_sid(char *sid, const char *prefix, const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	uint64_t halves[2];

	for (size_t half = 0; half < 2; half++) {
		for (const char *at = prefix; *at; at++) {
			hash = (hash ^ (unsigned char) *at) * UINT64_C(1099511628211);
		}
		for (const char *at = text; *at; at++) {
			hash = (hash ^ (unsigned char) *at) * UINT64_C(1099511628211);
		}
		halves[half] = hash;
	}
	snprintf(sid, SID_LENGTH, "%s%016" PRIx64 "%016" PRIx64, prefix, halves[0], halves[1]);
}

static void put_number(struct aic_json_writer *writer, const char *key, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	aic_json_put_text(writer, key, text);
}

/* All but the very first message carry these. */
static struct aic_json_writer *new_message(struct aic_conversation *conversation, const char *event)
{
	struct twilio_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = aic_port_new_message(conversation);

	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "event", event);
	put_number(writer, "sequenceNumber", ++state->sequence);
	aic_json_put_text(writer, "streamSid", state->stream_sid);
	return writer;
}

static void send_message(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	aic_json_close_object(writer);
	aic_port_send(conversation);
}

static void send_connected(struct aic_conversation *conversation)
{
	struct aic_json_writer *writer = aic_port_new_message(conversation);

	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "event", "connected");
	aic_json_put_text(writer, "protocol", "Call");
	aic_json_put_text(writer, "version", "1.0.0");
	send_message(conversation, writer);
}

static void send_start(struct aic_conversation *conversation)
{
	const struct twilio_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = new_message(conversation, "start");

	aic_json_open_object(writer, "start");
	aic_json_put_text(writer, "accountSid", state->account_sid);
	aic_json_put_text(writer, "streamSid", state->stream_sid);
	aic_json_put_text(writer, "callSid", state->call_sid);
	aic_json_open_array(writer, "tracks");
	aic_json_put_text(writer, NULL, "inbound");
	aic_json_close_array(writer);
	aic_json_open_object(writer, "mediaFormat");
	aic_json_put_text(writer, "encoding", "audio/x-mulaw");
	aic_json_put_integer(writer, "sampleRate", stream_format.rate);
	aic_json_put_integer(writer, "channels", 1);
	aic_json_close_object(writer);
	aic_port_put_variables(conversation, writer, "customParameters");
	aic_json_close_object(writer);
	send_message(conversation, writer);
}

static const char *unique_id(const struct aic_conversation *conversation)
{
	size_t count;
	const struct aic_variable *variables = aic_port_variables(conversation, &count);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(variables[i].name, "unique_id")) {
			return variables[i].value;
		}
	}
	return "";
}

static void twilio_begin(struct aic_conversation *conversation)
{
	struct twilio_state *state = aic_port_state(conversation);

	make_sid(state->stream_sid, "MZ", unique_id(conversation));
	make_sid(state->call_sid, "CA", unique_id(conversation));
	make_sid(state->account_sid, "AC", "aiconvai");
	send_connected(conversation);
	send_start(conversation);
	aic_port_ready(conversation, state->stream_sid, stream_format, stream_format);
}

/* --- messages from the service --- */

static void on_media(struct aic_conversation *conversation, const struct twilio_message *message)
{
	const struct twilio_state *state = aic_port_state(conversation);

	if (!aic_port_is_audio(conversation, &message->payload)) {
		return;
	}
	aic_port_audio(conversation, state->turn, message->payload.bytes, message->payload.length);
}

static void on_clear(struct aic_conversation *conversation)
{
	struct twilio_state *state = aic_port_state(conversation);
	bool is_over = aic_port_may_interrupt(conversation);

	aic_port_interrupted(conversation, state->turn);
	state->turn += is_over;
}

static void twilio_message(struct aic_conversation *conversation, const void *record)
{
	const struct twilio_message *message = record;
	const char *event = message->event.bytes ? message->event.bytes : "(no event)";

	if (!strcmp(event, "media")) {
		on_media(conversation, message);
	} else if (!strcmp(event, "clear")) {
		on_clear(conversation);
	} else if (!strcmp(event, "mark")) {
		aic_port_mark(conversation, message->mark_name.bytes ? message->mark_name.bytes : "");
	} else {
		aic_port_unknown(conversation, event);
	}
}

/* --- what the host tells the service --- */

static int twilio_encode_audio(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
	struct aic_buffer *out)
{
	struct twilio_state *state = aic_port_state(conversation);
	char before[256];

	snprintf(before, sizeof(before),
		"{\"event\":\"media\",\"sequenceNumber\":\"%" PRIu64 "\",\"streamSid\":\"%s\","
		"\"media\":{\"track\":\"inbound\",\"chunk\":\"%" PRIu64 "\",\"timestamp\":\"%" PRIu64 "\",\"payload\":\"",
		state->sequence + 1, state->stream_sid, state->chunks + 1, aic_format_ms(stream_format, state->bytes));
	if (aic_audio_message_write(out, before, audio, length, "\"}}")) {
		return -1;
	}
	state->sequence++;
	state->chunks++;
	state->bytes += length;
	return 0;
}

static void twilio_mark_played(struct aic_conversation *conversation, const char *name)
{
	struct aic_json_writer *writer = new_message(conversation, "mark");

	aic_json_open_object(writer, "mark");
	aic_json_put_text(writer, "name", name);
	aic_json_close_object(writer);
	send_message(conversation, writer);
}

static void twilio_dtmf(struct aic_conversation *conversation, char digit)
{
	struct aic_json_writer *writer = new_message(conversation, "dtmf");

	aic_json_open_object(writer, "dtmf");
	aic_json_put_text(writer, "track", "inbound_track");
	aic_json_put_text(writer, "digit", (const char[]) {digit, '\0'});
	aic_json_close_object(writer);
	send_message(conversation, writer);
}

/* The last message of a stream that this side ends. */
static void twilio_finish(struct aic_conversation *conversation)
{
	const struct twilio_state *state = aic_port_state(conversation);
	struct aic_json_writer *writer = new_message(conversation, "stop");

	aic_json_open_object(writer, "stop");
	aic_json_put_text(writer, "accountSid", state->account_sid);
	aic_json_put_text(writer, "callSid", state->call_sid);
	aic_json_close_object(writer);
	send_message(conversation, writer);
}

/* --- the end --- */

static const struct aic_close_code closes[] = {
	{.code = 1000, .status = AIC_STATUS_COMPLETED, .sentence = "the agent ended the conversation"},
	{.code = 1001, .status = AIC_STATUS_COMPLETED, .sentence = "the agent ended the conversation"},
	{.code = 1005, .status = AIC_STATUS_COMPLETED, .sentence = "the agent ended the conversation"},
};

const struct aic_provider aic_provider_twilio = {
	.name = "twilio",
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.record_size = sizeof(struct twilio_message),
	.state_size = sizeof(struct twilio_state),
	.open = twilio_open,
	.begin = twilio_begin,
	.message = twilio_message,
	.mark_played = twilio_mark_played,
	.finish = twilio_finish,
	.encode_audio = twilio_encode_audio,
	.dtmf = twilio_dtmf,
	.closes = closes,
	.close_count = sizeof(closes) / sizeof(closes[0]),
};
