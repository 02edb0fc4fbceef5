/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What differs between the AI services that the far end stands for: one file for each, one row in services.c. When an
 * agent speaks, and how, is the same with all of them and stands in speaker.c; what a conversation is, in
 * conversation.c.
 *
 * They say what is needed for audio to flow, and nothing else: no transcripts, no turns, no tools.
 */
#ifndef FAR_END_SERVICE_H
#define FAR_END_SERVICE_H

#include "agent.h"
#include "client_message.h"
#include "service_message.h"
#include "speech.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service {
	const char *name; /* as in the module's option `provider` */
	const char *path; /* of its URL */
	const char *opening; /* the message with which the client begins, for complaints */
	const char *farewell; /* the message without which it may not close; NULL: it just closes */

	unsigned int sample_bytes; /* of what it hears; 0: as the agent has it */
	enum speech_format speech; /* what it says */
	bool hears_what_it_says;   /* both are of one format, so that an agent may echo */
	bool takes_binary; /* the client's audio comes in binary messages, as it is, and not in JSON */

	size_t state_size; /* what it keeps of a conversation, zeroed at the beginning; 0: nothing */

	/* Reads a text message. What `message` is given holds until the next one. */
	void (*read)(void *state, const char *text, size_t length, struct client_message *message);

	/*
	 * Each is one message; NULL where the service has none, but for audio(). `conversation` is its number, from 1.
	 * greet() is said when the WebSocket is open, ready() answers the opening, goodbye() the farewell. Without ping()
	 * there are no pings, without interruption() no agents that interrupt.
	 */
	struct service_message (*greet)(uint64_t conversation);
	struct service_message (*ready)(uint64_t conversation, const struct agent *agent);
	struct service_message (*ping)(int64_t event_id);
	struct service_message (*audio)(const void *state, const struct audio_chunk *chunk, int64_t event_id);
	struct service_message (*interruption)(int64_t event_id);
	struct service_message (*goodbye)(uint64_t conversation);
};

/* The service at that path of a URL, NULL if there is none. */
const struct service *service_at_path(const char *path);

/* Why it has no such agent; NULL: it has. */
const char *service_refuses(const struct service *service, const struct agent *agent);

#endif
