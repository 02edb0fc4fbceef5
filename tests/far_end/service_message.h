/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a service says, whatever the service. Every message lies in the scratch memory of outgoing.h and is valid until
 * the next one.
 */
#ifndef FAR_END_SERVICE_MESSAGE_H
#define FAR_END_SERVICE_MESSAGE_H

#include "audio_chunk.h"
#include "outgoing.h"

#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_gen.h>

struct service_message {
	uint8_t *bytes; /* with LWS_PRE bytes of room before them */
	size_t length;
	enum lws_write_protocol kind;
};

/* Sends it. Returns as outgoing_send() does. */
int service_message_send(struct outgoing *outgoing, struct service_message message);

/* Begins a message: a JSON object, open. The program ends when memory is short. */
yajl_gen service_message_open(void);
void service_message_put_text(yajl_gen gen, const char *key, const char *value);
void service_message_put_integer(yajl_gen gen, const char *key, int64_t value);
void service_message_put_null(yajl_gen gen, const char *key);
void service_message_open_object(yajl_gen gen, const char *key);
void service_message_close_object(yajl_gen gen);

/* Closes the message's own object, the last that is open. The message is a text one. */
struct service_message service_message_close(yajl_gen gen);

/*
 * A text message of `before`, the chunk in base64, `behind`: audio is nearly all there is to send, and base64 needs no
 * escape in JSON.
 */
struct service_message service_message_of_audio(const char *before, const struct audio_chunk *chunk,
	const char *behind);

/* A binary message of the audio as it is; the chunk must not be base64. */
struct service_message service_message_of_bytes(const struct audio_chunk *chunk);

#endif
