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
 * While nothing is queued the line may be given idle audio, so that it never falls silent. Idle audio fills real time
 * up: a turn that begins in the middle of an idle frame is heard at once, and what is then written beyond real time is
 * left out when it ends. The agent's own frames know nothing of it.
 *
 * It has no clock: times are microseconds of one clock that only goes forward, and whoever has a timer asks
 * aic_playout_deadline() after each call and comes back then. All calls are for the thread that serves the line.
 */
#ifndef AIC_PLAYOUT_H
#define AIC_PLAYOUT_H

#include "idle_audio.h"
#include "line.h"
#include "playout_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why the agent is not heard for a while. */
enum aic_pause {
	AIC_PAUSE_HOLD = 1,     /* the line has nobody at its end */
	AIC_PAUSE_BARGE_IN = 2, /* somebody is heard, and it is not known yet whether it is an interruption */
};

struct aic_playout {
	struct aic_playout_queue *queue; /* somebody else's, as the line is */
	struct aic_line *line;
	/* owned: AIC_LINE_HEADROOM, then the frame that was taken from the queue last; and the same for idle audio */
	uint8_t *buffer, *idle_buffer;
	uint64_t due_us;   /* of the next frame; 0: no run of them has begun */
	uint64_t not_before_us; /* the first of all frames */
	uint64_t retry_us; /* when the frame that waits is offered again; 0: none waits */
	bool frame_waits;  /* the line did not take it yet */
	bool playing;      /* there is audio to play, or was a moment ago */
	bool drained;      /* while playing: nothing was queued after the last frame */
	unsigned int pauses; /* bits of enum aic_pause */
	bool falls_silent; /* paused, and the last frame, which fades out, is still to be written */
	bool has_faded;    /* and it is the one that waits */
	bool fades_in;     /* the next frame does: it is not where a sound begins */
	bool crowded;      /* audio has piled up since the last frame that was due: aic_pace_is_crowded() */
	void (*on_heard)(void *user, const uint8_t *frame, size_t bytes, uint64_t now_us); /* NULL: nobody asks */
	void *user;
	uint64_t frames;   /* written */
	uint64_t late;     /* times a frame was offered again */

	bool has_idle; /* idle audio is wanted */
	bool idling;   /* the last frame was of it, or somebody else's */
	struct aic_idle_audio idle;
	uint64_t filled_until_us; /* the line has audio until then; while `has_idle` */
	uint64_t idle_retry_us;   /* the line could not take it: when it is asked again; 0: it could */
	uint64_t idle_frames;     /* written */
};

/* Returns 0, or -1 when memory is short. `queue` and `line` must live until aic_playout_clear(). */
int aic_playout_init(struct aic_playout *playout, struct aic_playout_queue *queue, struct aic_line *line);
void aic_playout_clear(struct aic_playout *playout);

/* Has `on_heard` called with each frame of the agent's when it is first offered to the line. Before the first one. */
void aic_playout_listen(struct aic_playout *playout,
	void (*on_heard)(void *user, const uint8_t *frame, size_t bytes, uint64_t now_us), void *user);

/* `appended_bytes` were appended to the queue. Where nothing was queued before, the first frame goes here and now. */
void aic_playout_arrived(struct aic_playout *playout, size_t appended_bytes, uint64_t now_us);

/* From now on the line has audio at any time: idle audio where there is none of the agent's. */
void aic_playout_begin_idle(struct aic_playout *playout, const struct aic_idle_audio *idle, uint64_t now_us);

/* The caller interrupted: what the queue gave away is not to be heard any more, as far as the line can help it. */
void aic_playout_interrupted(struct aic_playout *playout);

/* The agent is heard then at the earliest; said again, the last time counts. For before it was heard. */
void aic_playout_begin_at(struct aic_playout *playout, uint64_t us);

/*
 * While it is paused, for one reason or several, the agent's audio is kept, and goes on where it was; or where the
 * queue has gone back to. Where somebody listens it falls silent with one more frame, which fades out, and fades in
 * again. Idle audio is not paused: the line itself says whether it is of use.
 */
void aic_playout_pause(struct aic_playout *playout, enum aic_pause reason, bool paused, uint64_t now_us);

/* Writes what is due. */
void aic_playout_attend(struct aic_playout *playout, uint64_t now_us);

/* When aic_playout_attend() is to be called; UINT64_MAX: not before more audio has arrived. */
uint64_t aic_playout_deadline(const struct aic_playout *playout);

/* Whether that is for no frame of the agent's: then a few milliseconds later will do. */
bool aic_playout_deadline_is_lax(const struct aic_playout *playout);

/* Whether there is something to be heard still. */
bool aic_playout_has_audio(const struct aic_playout *playout);

#endif
