/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The agent's audio on its way into the playout queue.
 */
#ifndef AIC_CONVERSATION_DOWNLINK_H
#define AIC_CONVERSATION_DOWNLINK_H

#include "buffer.h"
#include "energy.h"
#include "leveller.h"
#include "playout_queue.h"
#include "transcoder.h"

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

/* The end of the agent's audio, which is in the resampler's filter until it is known to be one. */
struct aic_downlink_tail {
	uint64_t came_us;  /* when audio came last */
	uint64_t heard_us; /* when all of it has been heard */
	uint64_t due_us;   /* when to look whether more is to come; UINT64_MAX: there is no such end */
};

struct aic_downlink {
	struct aic_transcoder *transcoder; /* owned; NULL until the service's format is known */
	struct aic_buffer converted;
	struct aic_leveller leveller; /* where one is wanted (agent_level_dbfs) */
	struct aic_downlink_tail tail;
	struct aic_energy energy;
	int64_t last_event_id;  /* of the audio that came last */
	int64_t interrupted_id; /* audio with this id or an older one is late */
};

/*
 * Converts the agent's audio and queues it, part by part: what does not fit into the queue is not worth being
 * converted, and only counted. Adds to `queued` how many bytes were. Returns 0, 1 when not all did fit, or -1 when
 * memory is short.
 */
int aic_conversation_queue_audio(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes,
	size_t length, size_t *queued);

/* No more is to come that goes with what came: queues what of it the resampler still holds. */
void aic_conversation_audio_has_ended(struct aic_conversation *conversation);

/* The same where it is not to be heard. */
void aic_conversation_forget_tail(struct aic_conversation *conversation);

/*
 * Audio of that event id, of the host's numbering, or an older one is not to be heard any more: drops what is queued of
 * it, and tells so.
 */
void aic_conversation_interrupt(struct aic_conversation *conversation, int64_t event_id,
	struct aic_interruption *removed);

/* How long so many samples are in the line's format. */
uint64_t aic_conversation_line_ms(const struct aic_conversation *conversation, uint64_t samples);

/* Sees whether it has ended. */
uint64_t aic_downlink_due(const struct aic_conversation *conversation);
bool aic_downlink_attend(struct aic_conversation *conversation);

#endif
