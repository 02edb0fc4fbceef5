/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What an agent says of its own accord. It sends as fast as the socket takes it and makes a message only then, so that
 * an hour of speech needs no more memory than a second.
 */
#ifndef FAR_END_SPEAKER_H
#define FAR_END_SPEAKER_H

#include "agent.h"
#include "facts.h"
#include "outgoing.h"
#include "seeded.h"
#include "services/service.h"
#include "timers.h"

#include <stddef.h>
#include <stdint.h>

enum speaker_phase {
	SPEAKER_SILENT,       /* and nothing to come */
	SPEAKER_SPEAKING,     /* `left` bytes are still to be sent */
	SPEAKER_SPOKEN,       /* all is sent; the timer runs until the interruption */
	SPEAKER_INTERRUPTING, /* the interruption is not the kernel's yet */
	SPEAKER_QUIET,        /* after an interruption; the timer runs */
	SPEAKER_STREAMING,    /* the timer runs until the next chunk */
};

struct speaker {
	const struct service *service;
	const void *state; /* the service's, of the conversation */
	const struct agent *agent;
	struct outgoing *outgoing;
	struct conversation_counts *counts;
	enum speaker_phase phase;
	struct timer timer;
	struct seeded random;
	int64_t event_id;
	size_t position; /* in the speech */
	size_t left;
	uint32_t interruptions; /* made */
	uint64_t stream_start_us, chunks;
};

/*
 * Begins. What is given must outlive the speaker; `seed` makes its random waits. Speech that is streamed begins
 * `delay_us` later, so that conversations that begin at even intervals are not in step.
 */
void speaker_start(struct speaker *speaker, const struct service *service, const void *state, const struct agent *agent,
	struct outgoing *outgoing, struct conversation_counts *counts, uint64_t seed, uint64_t delay_us);

/* To be called when the socket takes data again and nothing else waits for it. */
void speaker_resume(struct speaker *speaker);

void speaker_stop(struct speaker *speaker);

#endif
