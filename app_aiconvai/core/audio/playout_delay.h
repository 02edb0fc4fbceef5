/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How long the first frame of a turn is held back, so that audio which comes late still comes in time.
 *
 * The delay is 0 until a turn runs dry. What the caller then hears is a gap, and by as much as the gap lasted the
 * turn's playout lags behind its arrival from there on; nothing more is to be held back within it. The delay grows by
 * AIC_PLAYOUT_GROWTH_MS for each underrun, to no more than that lag, so that the next turn begins with what this one
 * was lacking. A turn that always had AIC_PLAYOUT_SHRINKAGE_MS in hand shrinks it by that. So no turn is heard with
 * more of a gap than it would have without the delay.
 *
 * A turn is what is heard without a pause of AIC_TURN_PAUSE_MS. Event ids do not tell: some services give one to each
 * turn, others to each chunk. All that an id says is that a longer pause, up to AIC_EVENT_PAUSE_MS, lies within a turn
 * where the same id goes on after it. An interruption of what is being heard ends a turn too.
 *
 * Who sends faster than he speaks needs no delay: the first frame waits no longer than until the delay is queued beyond
 * the largest chunk (a chunk of 100 ms alone is no reserve: the next one comes when it has been heard), and once
 * AIC_PLAYOUT_AHEAD_MS are queued the delay is gone.
 *
 * Time comes with the audio; while frames are taken each take is AIC_FRAME_MS. Pure arithmetic: no memory, no lock.
 */
#ifndef AIC_PLAYOUT_DELAY_H
#define AIC_PLAYOUT_DELAY_H

#include "audio_format.h"

#include <stdbool.h>
#include <stdint.h>

/* Growth for each underrun, and shrinkage for each turn that had as much in hand all the time. */
#define AIC_PLAYOUT_GROWTH_MS 40
#define AIC_PLAYOUT_SHRINKAGE_MS 20

/* Less is not silence but a frame that goes out a little late. */
#define AIC_UNDERRUN_MS 5

/* Nobody listens, thinks and answers in less. */
#define AIC_TURN_PAUSE_MS 500

/* A service that gives all its audio one id still has turns. */
#define AIC_EVENT_PAUSE_MS 2000

/* More than jitter piles up. */
#define AIC_PLAYOUT_AHEAD_MS 1000

struct aic_playout_delay {
	uint32_t max_ms; /* whole frames; 0: never any delay */
	uint32_t ms;     /* of the next turn, whole frames */
	uint64_t underruns;
	uint64_t gap_us; /* silence heard because of them */

	/* The turn that is held back or heard. */
	bool playing; /* some of it was taken: no more holding back */
	bool ahead;   /* it came so fast that its gaps are not jitter */
	uint64_t largest_us; /* its largest chunk */
	uint64_t held_us;    /* silence before its first frame */
	uint64_t lag_us;     /* of its playout behind its arrival */
	uint64_t silence_us; /* since the last of it was taken: a gap, if more comes */
	uint64_t spare_us;   /* how long before its time audio came at least */
	uint64_t due_us;     /* when the next frame is due */
};

struct aic_playout_arrival {
	uint64_t now_us;    /* of any clock that only goes forward */
	uint64_t queued_us; /* audio in front of it */
	uint64_t length_us;
	bool padding;    /* silence of ours: a reserve, not a chunk of the service */
	bool same_event; /* its event id is the one last heard */
};

/* `max_ms` is rounded down to whole frames. */
void aic_playout_delay_init(struct aic_playout_delay *delay, uint32_t max_ms);

/* Audio is being queued. */
void aic_playout_delay_arrived(struct aic_playout_delay *delay, const struct aic_playout_arrival *arrival);

/* Whether the frame that is due is to be held back although it is there; `queued_us` of audio are. */
bool aic_playout_delay_holds_back(const struct aic_playout_delay *delay, uint64_t queued_us);

/* A frame was due, and none was given although something is queued. */
void aic_playout_delay_held(struct aic_playout_delay *delay);

/* A frame was taken, `silent_us` of it silence that completed it. */
void aic_playout_delay_played(struct aic_playout_delay *delay, uint64_t silent_us);

/* No frame was due for so long, whatever is queued. */
void aic_playout_delay_put_off(struct aic_playout_delay *delay, uint64_t by_us);

/* What was being heard was interrupted. Left are `queued_us` of newer audio, the largest chunk of it `largest_us`. */
void aic_playout_delay_interrupted(struct aic_playout_delay *delay, uint64_t queued_us, uint64_t largest_us);

#endif
