/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The application behind Asterisk's chan_websocket, which connects as a client with the subprotocol "media": binary
 * messages are audio in the channel's codec, one a frame, and go back as they came; text messages are its events
 * (MEDIA_START, MEDIA_XOFF, MEDIA_XON and so on, plain or JSON), which are counted. Asterisk paces what comes back and
 * queues up to 1000 frames; an echo never has that many under way.
 */
#ifndef FAR_END_MEDIA_H
#define FAR_END_MEDIA_H

#include <libwebsockets.h>
#include <stddef.h>

struct media;

/* Returns NULL when memory is short. */
struct media *media_new(struct lws *wsi);

/* One fragment of a message. Returns 0, or -1 when the connection is to be closed. */
int media_receive(struct media *media, const void *bytes, size_t length);

/* The socket takes data again. Returns 0, or -1 when the connection is to be closed. */
int media_writable(struct media *media);
void media_free(struct media *media);

#endif
