/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * When a line is given the agent's audio: the schedule of one call, over its playout queue (what is to be heard) and
 * the rules of pace.h (how deadlines follow each other).
 *
 * Audio that comes while nothing is queued is written as it comes; where more is queued than one frame, the rest
 * follows on absolute deadlines, whatever happens between them. Where audio is passed on as it comes there is nothing
 * to do between, but to look after a while whether it still comes.
 *
 * It has no clock: times are microseconds of one clock that only goes forward, and whoever has a timer asks
 * aic_playout_deadline() after each call and comes back then. All calls are for the thread that serves the line.
 */
#ifndef AIC_PLAYOUT_H
#define AIC_PLAYOUT_H

#include "line.h"
#include "playout_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_playout {
	struct aic_playout_queue *queue; /* somebody else's, as the line is */
	struct aic_line *line;
	uint8_t *buffer;   /* owned: AIC_LINE_HEADROOM, then the frame that was taken from the queue last */
	uint64_t due_us;   /* of the next frame; 0: no run of them has begun */
	uint64_t retry_us; /* when the frame that waits is offered again; 0: none waits */
	bool frame_waits;  /* the line did not take it yet */
	bool playing;      /* there is audio to play, or was a moment ago */
	bool drained;      /* while playing: nothing was queued after the last frame */
	bool crowded;      /* audio has piled up since the last frame that was due: aic_pace_is_crowded() */
	uint64_t frames;   /* written */
	uint64_t late;     /* times a frame was offered again */
};

/* Returns 0, or -1 when memory is short. `queue` and `line` must live until aic_playout_clear(). */
int aic_playout_init(struct aic_playout *playout, struct aic_playout_queue *queue, struct aic_line *line);
void aic_playout_clear(struct aic_playout *playout);

/* `appended_bytes` were appended to the queue. Where nothing was queued before, the first frame goes here and now. */
void aic_playout_arrived(struct aic_playout *playout, size_t appended_bytes, uint64_t now_us);

/* The caller interrupted: what the queue gave away and the line has not taken is not to be heard any more. */
void aic_playout_interrupted(struct aic_playout *playout);

/* Writes what is due. */
void aic_playout_attend(struct aic_playout *playout, uint64_t now_us);

/* When aic_playout_attend() is to be called; UINT64_MAX: not before more audio has arrived. */
uint64_t aic_playout_deadline(const struct aic_playout *playout);

/* Whether there is something to be heard still. */
bool aic_playout_has_audio(const struct aic_playout *playout);

#endif
