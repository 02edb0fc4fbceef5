/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a client of the conversation service says. Audio in its usual spelling is read without a parser; all else goes through yajl.
 */
#ifndef FAR_END_CLIENT_MESSAGE_H
#define FAR_END_CLIENT_MESSAGE_H

#include <stddef.h>

enum client_message_kind {
	CLIENT_BAD, /* breaks the protocol: see `problem` */
	CLIENT_INITIATION,
	CLIENT_AUDIO,
	CLIENT_PONG,
	CLIENT_OTHER,
};

struct client_message {
	enum client_message_kind kind;
	const char *audio;   /* base64; in the text that was read or in memory of the reader's, valid until the next one */
	size_t audio_length; /* characters */
	size_t audio_bytes;  /* that they stand for */
	long long event_id;  /* CLIENT_PONG */
	char problem[160];
};

void client_message_read(struct client_message *message, const char *text, size_t length);

/* Frees what the reader keeps from message to message. */
void client_message_end(void);

#endif
