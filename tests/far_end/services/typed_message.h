/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Messages of clients that are told apart by a member `type`, as most services have it.
 */
#ifndef FAR_END_TYPED_MESSAGE_H
#define FAR_END_TYPED_MESSAGE_H

#include "client_message.h"

#include <stddef.h>

struct typed_messages {
	const char *opening; /* type */
	const struct expectation *opening_has;
	size_t opening_has_count;

	/* Audio; all NULL where it does not come in JSON. */
	const char *audio; /* type; NULL: it is the message without a type */
	const char *audio_key;
	const char *audio_before, *audio_behind; /* its usual spelling */
	const struct expectation *audio_has;
	size_t audio_has_count;

	const char *pong; /* type, with an event_id; NULL: there is none */
	const char *farewell; /* type; NULL: there is none */
	const char *const *others; /* types, NULL at the end */
};

void typed_message_read(const struct typed_messages *messages, const char *text, size_t length,
	struct client_message *message);

#endif
