/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the conversation service says. Every message lies in the scratch memory of outgoing.h and is valid until the next one.
 */
#ifndef FAR_END_SERVICE_MESSAGE_H
#define FAR_END_SERVICE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct service_message {
	uint8_t *bytes; /* with LWS_PRE bytes of room before them */
	size_t length;
};

/* `format` is of both directions; the conversation's id is made of its number. */
struct service_message service_message_metadata(uint64_t conversation, const char *format);
struct service_message service_message_ping(int64_t event_id);
struct service_message service_message_interruption(int64_t event_id);

/* Audio that is base64 already (`length` characters), and audio that is not (`length` bytes). */
struct service_message service_message_audio_text(const char *base64, size_t length, int64_t event_id);
struct service_message service_message_audio(const uint8_t *audio, size_t length, int64_t event_id);

#endif
