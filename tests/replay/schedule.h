/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the service says in the conversation that is replayed, and when: all of it is written before the replay begins.
 */
#ifndef REPLAY_SCHEDULE_H
#define REPLAY_SCHEDULE_H

#include "audio_format.h"
#include "services/service.h"

/*
 * The whole conversation, and how often it repeats itself: the caller speaks, the agent answers, the caller interrupts.
 */
#define CONVERSATION_MS 60000
#define ROUND_MS 10000

struct message {
	uint32_t at_ms; /* since the beginning */
	size_t offset;  /* in the schedule's text */
	size_t length;
	bool binary;
};

struct schedule {
	struct aic_buffer text; /* of all messages */
	struct message *messages; /* owned; in order of time, the announcement first */
	size_t count;
	size_t audio_bytes; /* of agent audio in all of them, before base64 */
};

/* Writes it; ends the program when memory is short. Free with schedule_free(). */
void schedule_write(struct schedule *schedule, const struct service *service, struct aic_audio_format format);
void schedule_free(struct schedule *schedule);

#endif
