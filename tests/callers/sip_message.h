/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * SIP messages as text (RFC 3261), as far as a caller needs them: no line folding, and no header of several values but
 * Via.
 */
#ifndef CALLERS_SIP_MESSAGE_H
#define CALLERS_SIP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

/* The longest datagram that is read or written. */
#define SIP_MESSAGE_MAX 4096

/* Part of a message, not terminated. */
struct sip_text {
	const char *at;
	size_t length;
};

struct sip_message {
	unsigned int status;    /* of a response, 100 to 699; 0: it is a request */
	struct sip_text method; /* of a request; of a response that in its CSeq */
	struct sip_text reason; /* of a response */
	struct sip_text headers, body;
	unsigned int sequence;  /* the number in its CSeq */
};

/* Reads what lies in `text`, which must outlive the message. Returns 0, or -1 when it is no SIP message. */
int sip_message_read(struct sip_message *message, const char *text, size_t length);

bool sip_text_is(const struct sip_text *text, const char *word);

/*
 * Finds the header of that name, the `nth` such line, from 0; `brief`: its short form, '\0' if it has none. Returns
 * whether there is one.
 */
bool sip_message_header(const struct sip_message *message, const char *name, char brief, unsigned int nth,
	struct sip_text *value);

/* Copies it, terminated; nothing where it does not fit. */
void sip_text_copy(const struct sip_text *text, char *to, size_t size);

/* A message that is being written. */
struct sip_draft {
	char text[SIP_MESSAGE_MAX];
	size_t length;
	bool too_long;
};

void sip_draft_add(struct sip_draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The lines that follow from the request: Via, From, To, Call-ID, CSeq. `tag`: ours, where its To has none. */
void sip_draft_respond(struct sip_draft *draft, const struct sip_message *request, const char *status,
	const char *tag);

#endif
