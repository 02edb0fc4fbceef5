/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Messages on their way out of one connection. A message goes to the socket at once, from wherever it was made; only
 * where the kernel takes no more does it wait here, in order, up to OUTGOING_MAX bytes a connection.
 */
#ifndef FAR_END_OUTGOING_H
#define FAR_END_OUTGOING_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTGOING_MAX (4u * 1024 * 1024)

struct outgoing_message;

struct outgoing {
	struct lws *wsi; /* NULL: the connection is gone, or going */
	struct outgoing_message *first, *last; /* waiting */
	size_t waiting_bytes;
};

/*
 * Sends a message of `length` bytes that have LWS_PRE bytes of room before them, which are overwritten; they are the
 * caller's again afterwards. Returns 0, or -1 when the connection is lost or its peer reads so little that the queue is
 * full (a violation): it then goes down, and nothing more is sent.
 */
int outgoing_send(struct outgoing *outgoing, uint8_t *bytes, size_t length, enum lws_write_protocol kind);

/* To be called when the socket takes data again. Returns 0, or -1 when the connection is lost or abandoned. */
int outgoing_resume(struct outgoing *outgoing);

/* Sends nothing more and lets the connection go down without a word, at once. */
void outgoing_abandon(struct outgoing *outgoing);

/* Whether all that was sent is the kernel's. */
bool outgoing_is_empty(const struct outgoing *outgoing);

/* Forgets what waits, and the connection. */
void outgoing_free(struct outgoing *outgoing);

/* Room for a message of `length` bytes, with LWS_PRE bytes before it; one for all, valid until asked for again. */
uint8_t *outgoing_scratch(size_t length);
void outgoing_free_scratch(void);

#endif
