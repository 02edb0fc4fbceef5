/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Twilio Media Streams, a server for them: text messages, numbers as text, audio in base64. The client says that it is
 * connected, and starts a stream, whose messages and chunks of audio it numbers; the server confirms nothing. A stream
 * that the client ends it stops first.
 */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The path is the server's own choice. */
#define PATH "/twilio"

/* Of a stream: two letters and 32 hexadecimal digits. */
#define SID_PREFIX "MZ"
#define SID_LENGTH 34

#define BYTES_PER_MS 8

struct stream {
	bool connected;
	char sid[SID_LENGTH + 1]; /* empty: not started */
	uint64_t messages; /* that carried a number */
	uint64_t chunks, bytes; /* of audio */
};

static const struct expectation connected_has[] = {
	{"protocol", JSON_TEXT, "Call", 0},
	{"version", JSON_TEXT, NULL, 0},
};

static const struct expectation start_has[] = {
	{"start.accountSid", JSON_TEXT, NULL, 0},
	{"start.callSid", JSON_TEXT, NULL, 0},
	{"start.mediaFormat.encoding", JSON_TEXT, "audio/x-mulaw", 0},
	{"start.mediaFormat.sampleRate", JSON_INTEGER, NULL, 8000},
	{"start.mediaFormat.channels", JSON_INTEGER, NULL, 1},
};

static const char *const others[] = {"mark", "dtmf", NULL};

enum {
	EVENT,
	SEQUENCE,
	SID,
	START_SID,
	TRACK,
	CHUNK,
	TIMESTAMP,
	PAYLOAD,
	VALUES,
};

/* The number as it is written in this protocol; false where it is another or none. */
static bool is_number(const struct json_value *value, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return json_value_is(value, text);
}

static void count_audio(struct stream *stream, const struct client_message *message)
{
	stream->messages++;
	stream->chunks++;
	stream->bytes += message->audio_bytes;
}

/* In its usual spelling, and with the numbers it has to have. */
static bool read_next_audio(struct stream *stream, const char *text, size_t length, struct client_message *message)
{
	char before[256];

	snprintf(before, sizeof(before),
		"{\"event\":\"media\",\"sequenceNumber\":\"%" PRIu64 "\",\"streamSid\":\"%s\",\"media\":{\"track\":\"inbound\",\"chunk\":\"%" PRIu64
		"\",\"timestamp\":\"%" PRIu64 "\",\"payload\":\"",
		stream->messages + 1, stream->sid, stream->chunks + 1, stream->bytes / BYTES_PER_MS);
	return client_message_between(message, text, length, before, "\"}}");
}

static void read_audio(const struct stream *stream, const struct json_value *values, struct client_message *message)
{
	if (!json_value_is(&values[TRACK], "inbound")) {
		client_message_bad(message, "media: expected the track inbound");
	} else if (!is_number(&values[CHUNK], stream->chunks + 1)) {
		client_message_bad(message, "media: expected chunk %" PRIu64, stream->chunks + 1);
	} else if (!is_number(&values[TIMESTAMP], stream->bytes / BYTES_PER_MS)) {
		client_message_bad(message, "media: expected the timestamp %" PRIu64, stream->bytes / BYTES_PER_MS);
	} else if (values[PAYLOAD].kind != JSON_TEXT) {
		client_message_bad(message, "media: expected a payload");
	} else {
		client_message_base64(message, "payload", values[PAYLOAD].text, values[PAYLOAD].length);
	}
}

static void read_connected(struct stream *stream, const char *text, size_t length, struct client_message *message)
{
	if (stream->connected) {
		client_message_bad(message, "a second connected");
		return;
	}
	message->kind = CLIENT_PRELUDE;
	stream->connected = client_message_meets(message, "connected", connected_has,
		sizeof(connected_has) / sizeof(connected_has[0]), text, length);
}

static bool is_sid(const struct json_value *value)
{
	return value->kind == JSON_TEXT && value->length == SID_LENGTH && !strncmp(value->text, SID_PREFIX,
		strlen(SID_PREFIX)) && strspn(value->text + strlen(SID_PREFIX), "0123456789abcdef") == SID_LENGTH
		- strlen(SID_PREFIX);
}

static void read_start(struct stream *stream, const struct json_value *values, const char *text, size_t length,
	struct client_message *message)
{
	if (!stream->connected) {
		client_message_bad(message, "start: expected connected before it");
	} else if (!is_sid(&values[START_SID]) || !json_value_is(&values[SID], values[START_SID].text)) {
		client_message_bad(message, "start: expected one streamSid, " SID_PREFIX " and 32 hexadecimal digits, in it "
			"and beside it");
	} else {
		message->kind = CLIENT_OPENING;
		memcpy(stream->sid, values[START_SID].text, sizeof(stream->sid));
		client_message_meets(message, "start", start_has, sizeof(start_has) / sizeof(start_has[0]), text, length);
	}
}

/* What carries a number. */
static void read_numbered(struct stream *stream, const struct json_value *values, const char *text, size_t length,
	struct client_message *message)
{
	const char *event = values[EVENT].text;

	if (!is_number(&values[SEQUENCE], stream->messages + 1)) {
		client_message_bad(message, "%.16s: expected the sequenceNumber %" PRIu64, event, stream->messages + 1);
		return;
	}
	if (stream->sid[0] && !json_value_is(&values[SID], stream->sid)) {
		client_message_bad(message, "%.16s: expected the streamSid %s", event, stream->sid);
		return;
	}
	if (!strcmp(event, "media")) {
		read_audio(stream, values, message);
		if (message->kind == CLIENT_AUDIO) {
			count_audio(stream, message);
		}
		return;
	}
	stream->messages++;
	if (!strcmp(event, "start")) {
		read_start(stream, values, text, length, message);
	} else if (!strcmp(event, "stop")) {
		message->kind = CLIENT_FAREWELL;
	} else if (client_message_is_among(event, others)) {
		message->kind = CLIENT_OTHER;
	} else {
		client_message_bad(message, "unknown event \"%.64s\"", event);
	}
}

static void read_message(void *state, const char *text, size_t length, struct client_message *message)
{
	struct stream *stream = state;
	struct json_value values[VALUES] = {[EVENT] = {.path = "event"}, [SEQUENCE] = {.path = "sequenceNumber"},
		[SID] = {.path = "streamSid"},
		[START_SID] = {.path = "start.streamSid"}, [TRACK] = {.path = "media.track"}, [CHUNK] = {.path = "media.chunk"},
		[TIMESTAMP] = {.path = "media.timestamp"}, [PAYLOAD] = {.path = "media.payload"}};

	if (stream->sid[0] && read_next_audio(stream, text, length, message)) {
		count_audio(stream, message);
		return;
	}
	if (!json_values_read(values, VALUES, text, length)) {
		client_message_bad(message, "expected a JSON object, got %zu bytes that are not", length);
	} else if (values[EVENT].kind != JSON_TEXT) {
		client_message_bad(message, "no event among the keys");
	} else if (json_value_is(&values[EVENT], "connected")) {
		read_connected(stream, text, length, message);
	} else {
		read_numbered(stream, values, text, length, message);
	}
}

static struct service_message audio(const void *state, const struct audio_chunk *chunk, int64_t event_id)
{
	const struct stream *stream = state;
	char before[160];

	snprintf(before, sizeof(before), "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"",
		stream->sid);
	return service_message_of_audio(before, chunk, "\"}}");
}

extern const struct service service_twilio;
const struct service service_twilio = {
	.name = "twilio",
	.path = PATH,
	.opening = "start",
	.farewell = "stop",
	.sample_bytes = 1,
	.speech = SPEECH_ULAW_8000,
	.hears_what_it_says = true,
	.state_size = sizeof(struct stream),
	.read = read_message,
	.audio = audio,
};
