/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "audiosocket.h"

#include "answers.h"
#include "buffer.h"
#include "facts.h"
#include "outgoing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LENGTH 3
#define UUID_LENGTH 16

enum audiosocket_kind {
	KIND_HANGUP = 0x00,
	KIND_UUID = 0x01,
	KIND_DTMF = 0x03,
	/* 16-bit little-endian samples at 8 kHz; the kinds up to the last one are of higher rates */
	KIND_AUDIO = 0x10,
	KIND_AUDIO_LAST = 0x18, /* 192 kHz */
	KIND_ERROR = 0xff,
};

struct audiosocket {
	struct outgoing outgoing;
	struct answers answers;
	struct aic_buffer partial; /* the beginning of a message */
	bool introduced;           /* the UUID came */
};

struct audiosocket *audiosocket_new(struct lws *wsi)
{
	struct audiosocket *audiosocket = calloc(1, sizeof(*audiosocket));

	if (audiosocket) {
		audiosocket->outgoing.wsi = wsi;
		answers_start(&audiosocket->answers, &audiosocket->outgoing);
	}
	return audiosocket;
}

/* Length of the whole message that begins there, or 0 if not all of it is there. */
static size_t message_length(const uint8_t *bytes, size_t available)
{
	size_t length;

	if (available < HEADER_LENGTH) {
		return 0;
	}
	length = HEADER_LENGTH + ((size_t) bytes[1] << 8 | bytes[2]);
	return length <= available ? length : 0;
}

static int take_message(struct audiosocket *audiosocket, const uint8_t *bytes, size_t length)
{
	size_t payload_length = length - HEADER_LENGTH;
	uint8_t kind = bytes[0], *echo;

	totals.messages_in++;
	totals.bytes_in += length;
	if (kind == KIND_UUID) {
		if (audiosocket->introduced || payload_length != UUID_LENGTH) {
			facts_violation("audiosocket: expected one UUID of 16 bytes, got %s of %zu", audiosocket->introduced
				? "another" : "one", payload_length);
			return -1;
		}
		audiosocket->introduced = true;
		return 0;
	}
	if (!audiosocket->introduced) {
		facts_violation("audiosocket: the first message is of kind 0x%02x; expected the UUID (0x01)", kind);
		return -1;
	}
	if (kind >= KIND_AUDIO && kind <= KIND_AUDIO_LAST) {
		if (!payload_length || payload_length % 2) {
			facts_violation("audiosocket: audio of %zu bytes is no whole number of 16-bit samples", payload_length);
			return -1;
		}
		echo = outgoing_scratch(length);
		memcpy(echo, bytes, length);
		return answers_send(&audiosocket->answers, echo, length, LWS_WRITE_RAW);
	}
	switch (kind) {
	case KIND_HANGUP:
		return -1;
	case KIND_DTMF:
		return 0;
	case KIND_ERROR:
		facts_violation("audiosocket: the peer reports error %d", payload_length ? bytes[HEADER_LENGTH] : -1);
		return -1;
	default:
		facts_violation("audiosocket: no message is of kind 0x%02x", kind);
		return -1;
	}
}

/* Takes what is whole. Returns how many bytes that was, or -1. */
static ssize_t take_messages(struct audiosocket *audiosocket, const uint8_t *bytes, size_t length)
{
	size_t taken = 0, next;

	while ((next = message_length(bytes + taken, length - taken))) {
		if (take_message(audiosocket, bytes + taken, next)) {
			return -1;
		}
		taken += next;
	}
	return (ssize_t) taken;
}

int audiosocket_receive(struct audiosocket *audiosocket, const uint8_t *bytes, size_t length)
{
	ssize_t taken;

	if (!audiosocket->outgoing.wsi) {
		return -1;
	}
	if (!audiosocket->partial.length) {
		taken = take_messages(audiosocket, bytes, length);
		return taken < 0 ? -1 : aic_buffer_append(&audiosocket->partial, bytes + taken, length - (size_t) taken);
	}
	if (aic_buffer_append(&audiosocket->partial, bytes, length)) {
		return -1;
	}
	taken = take_messages(audiosocket, audiosocket->partial.bytes, audiosocket->partial.length);
	if (taken < 0) {
		return -1;
	}
	aic_buffer_drop_front(&audiosocket->partial, (size_t) taken);
	return 0;
}

int audiosocket_writable(struct audiosocket *audiosocket)
{
	return outgoing_resume(&audiosocket->outgoing);
}

void audiosocket_free(struct audiosocket *audiosocket)
{
	answers_stop(&audiosocket->answers);
	outgoing_free(&audiosocket->outgoing);
	aic_buffer_free(&audiosocket->partial);
	free(audiosocket);
}
