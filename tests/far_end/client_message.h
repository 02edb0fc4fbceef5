/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a client of a service says, whatever the service: a reader for each is in services/. What several of them need
 * stands here.
 */
#ifndef FAR_END_CLIENT_MESSAGE_H
#define FAR_END_CLIENT_MESSAGE_H

#include "audio_chunk.h"
#include "json_values.h"

#include <stdbool.h>
#include <stddef.h>

enum client_message_kind {
	CLIENT_BAD, /* breaks the protocol: see `problem` */
	CLIENT_PRELUDE, /* may come before the opening, and only there */
	CLIENT_OPENING,
	CLIENT_AUDIO,
	CLIENT_PONG,
	CLIENT_FAREWELL, /* the last one */
	CLIENT_OTHER,
};

struct client_message {
	enum client_message_kind kind;
	struct audio_chunk audio; /* in the text that was read or in memory of the reader's, valid until the next one */
	size_t audio_bytes;  /* that it stands for */
	long long event_id;  /* CLIENT_PONG */
	char problem[160];
};

/* Says what is wrong with the message. */
void client_message_bad(struct client_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Makes it a message with audio, or a bad one where this is no base64 of at least one byte. `key`: what it is called in
 * complaints.
 */
void client_message_base64(struct client_message *message, const char *key, const char *text, size_t length);

/*
 * Reads audio in its usual spelling, without a parser: `before`, base64, `behind`. Returns whether the message is that;
 * it may be the same in another spelling where it is not.
 */
bool client_message_between(struct client_message *message, const char *text, size_t length, const char *before,
	const char *behind);

/* What has to stand in a message. */
struct expectation {
	const char *path;
	enum json_kind kind;
	const char *text;  /* JSON_TEXT: exactly this; NULL: whatever it is */
	long long integer; /* JSON_INTEGER: exactly this */
};

#define EXPECTATIONS_MAX 8

/*
 * Returns whether all of it stands there; the message is a bad one where it does not. `name`: of the message, in
 * complaints.
 */
bool client_message_meets(struct client_message *message, const char *name, const struct expectation *expectations,
	size_t count, const char *text, size_t length);

/* Whether it is among them; they end with NULL. */
bool client_message_is_among(const char *word, const char *const *words);

#endif
