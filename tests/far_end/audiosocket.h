/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A server of Asterisk's AudioSocket protocol on TCP: a message is one byte of kind, two bytes of length (big-endian),
 * and so many bytes of payload. The first one brings the UUID of the call. Audio goes back as it came.
 */
#ifndef FAR_END_AUDIOSOCKET_H
#define FAR_END_AUDIOSOCKET_H

#include <libwebsockets.h>
#include <stddef.h>

struct audiosocket;

/* Returns NULL when memory is short. */
struct audiosocket *audiosocket_new(struct lws *wsi);

/* A piece of the stream. Returns 0, or -1 when the connection is to be closed. */
int audiosocket_receive(struct audiosocket *audiosocket, const uint8_t *bytes, size_t length);

/* The socket takes data again. Returns 0, or -1 when the connection is to be closed. */
int audiosocket_writable(struct audiosocket *audiosocket);
void audiosocket_free(struct audiosocket *audiosocket);

#endif
