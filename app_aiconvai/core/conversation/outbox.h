/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Messages that wait for the socket, first in, first out. Memory of small ones is used again: those a service asks for
 * all the time allocate nothing. Not thread-safe: it belongs to a conversation.
 */
#ifndef AIC_OUTBOX_H
#define AIC_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Free bytes in front of every message's text, for the WebSocket frame header, so that no copy is needed to send it. */
#define AIC_SEND_HEADROOM 32

/*
 * Most messages waiting at once (hard limit). Only a peer that has stopped reading lets them pile up; the host's
 * own checks find that out long before.
 */
#define AIC_OUTBOX_MAX 256

/*
 * And most bytes of them (hard limit): more than the longest first message, with all an agent is told and all its tools
 * in it.
 */
#define AIC_OUTBOX_BYTES_MAX 2097152

/* Messages up to this length are small, and memory of so many is kept for the next ones. */
#define AIC_OUTBOX_SMALL 256
#define AIC_OUTBOX_SPARE_MAX 4

struct aic_outgoing {
	struct aic_outgoing *next;
	size_t length;
	size_t room;     /* for text; AIC_OUTBOX_SMALL or more */
	uint8_t bytes[]; /* AIC_SEND_HEADROOM free ones, then `length` of text */
};

struct aic_outbox {
	struct aic_outgoing *first, *last; /* owned */
	size_t count;
	size_t bytes; /* of their texts */
	struct aic_outgoing *spare; /* owned; small ones, free for use */
	size_t spare_count;
};

/* Appends a copy. Returns 0, or -1 when full or when memory is short. */
int aic_outbox_put(struct aic_outbox *outbox, const char *text, size_t length);

/* Removes the first message; NULL when empty. Give it back with aic_outbox_give_back(). */
struct aic_outgoing *aic_outbox_take(struct aic_outbox *outbox);

/* The caller is done with a message it took; NULL is none. */
void aic_outbox_give_back(struct aic_outbox *outbox, struct aic_outgoing *message);

/* Drops all messages that wait. */
void aic_outbox_clear(struct aic_outbox *outbox);

/* Drops them, and frees all memory. Messages that were taken must have been given back. */
void aic_outbox_free(struct aic_outbox *outbox);

#endif
