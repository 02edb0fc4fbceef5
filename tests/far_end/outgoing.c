/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "outgoing.h"

#include "facts.h"

#include <stdlib.h>
#include <string.h>

struct outgoing_message {
	struct outgoing_message *next;
	size_t length;
	enum lws_write_protocol kind;
	uint8_t bytes[]; /* LWS_PRE bytes of room, then the message */
};

static uint8_t *scratch;
static size_t scratch_size;

uint8_t *outgoing_scratch(size_t length)
{
	if (LWS_PRE + length > scratch_size) {
		size_t size = LWS_PRE + length + 65536;
		uint8_t *grown = realloc(scratch, size);

		if (!grown) {
			fprintf(stderr, "far_end: out of memory for a message of %zu bytes\n", length);
			abort();
		}
		scratch = grown;
		scratch_size = size;
	}
	return scratch + LWS_PRE;
}

void outgoing_free_scratch(void)
{
	free(scratch);
	scratch = NULL;
	scratch_size = 0;
}

/* From outside of the connection's own callbacks too, which could not say by a return value that it is to go. */
void outgoing_abandon(struct outgoing *outgoing)
{
	struct lws *wsi = outgoing->wsi;

	outgoing_free(outgoing);
	if (wsi) {
		lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
		/* On libuv it looks at its timers only after something happened. */
		lws_cancel_service(lws_get_context(wsi));
	}
}

static int write_now(struct outgoing *outgoing, uint8_t *bytes, size_t length, enum lws_write_protocol kind)
{
	if (lws_write(outgoing->wsi, bytes, length, kind) < (int) length) {
		outgoing_abandon(outgoing);
		return -1;
	}
	totals.messages_out++;
	totals.bytes_out += length;
	return 0;
}

bool outgoing_is_empty(const struct outgoing *outgoing)
{
	/* What the kernel did not take at once libwebsockets keeps, and says so without a system call. */
	return outgoing->wsi && !outgoing->first && !lws_partial_buffered(outgoing->wsi);
}

int outgoing_send(struct outgoing *outgoing, uint8_t *bytes, size_t length, enum lws_write_protocol kind)
{
	struct outgoing_message *message;

	if (!outgoing->wsi) {
		return -1;
	}
	if (outgoing_is_empty(outgoing)) {
		return write_now(outgoing, bytes, length, kind);
	}
	if (outgoing->waiting_bytes + length > OUTGOING_MAX) {
		facts_violation("a peer does not read: %zu bytes wait for it", outgoing->waiting_bytes);
		outgoing_abandon(outgoing);
		return -1;
	}
	if (!(message = malloc(sizeof(*message) + LWS_PRE + length))) {
		outgoing_abandon(outgoing);
		return -1;
	}
	message->next = NULL;
	message->length = length;
	message->kind = kind;
	memcpy(message->bytes + LWS_PRE, bytes, length);
	if (outgoing->last) {
		outgoing->last->next = message;
	} else {
		outgoing->first = message;
	}
	outgoing->last = message;
	outgoing->waiting_bytes += length;
	lws_callback_on_writable(outgoing->wsi);
	return 0;
}

int outgoing_resume(struct outgoing *outgoing)
{
	if (!outgoing->wsi) {
		return -1;
	}
	while (outgoing->first && !lws_partial_buffered(outgoing->wsi)) {
		struct outgoing_message *message = outgoing->first;
		int failed;

		if (!(outgoing->first = message->next)) {
			outgoing->last = NULL;
		}
		outgoing->waiting_bytes -= message->length;
		failed = write_now(outgoing, message->bytes + LWS_PRE, message->length, message->kind);
		free(message);
		if (failed) {
			return -1;
		}
	}
	if (outgoing->first) {
		lws_callback_on_writable(outgoing->wsi);
	}
	return 0;
}

void outgoing_free(struct outgoing *outgoing)
{
	while (outgoing->first) {
		struct outgoing_message *message = outgoing->first;

		outgoing->first = message->next;
		free(message);
	}
	outgoing->last = NULL;
	outgoing->waiting_bytes = 0;
	outgoing->wsi = NULL;
}
