/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * When the frames of one call's playout are due. All times are microseconds of one monotonic clock.
 *
 * The deadline of a frame is absolute: AIC_FRAME_MS after that of the frame before, whenever that was really written.
 * It moves only where a frame comes while nothing is queued: then the frame may go at once, and the deadlines count
 * from there. Audio that comes as fast as it is heard is passed on as it comes, a little early or late, and does not
 * wait for the latest moment one of its frames ever came at. Where it has piled up the deadlines come a little faster
 * until it has not.
 */
#ifndef AIC_PACE_H
#define AIC_PACE_H

#include "audio_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long before its deadline a frame that comes while nothing is queued may be played. */
#define AIC_PACE_EARLY_US 3000

/* Who is further behind than this owes nothing any more: a burst of old frames helps nobody. The audio stays queued. */
#define AIC_PACE_BEHIND_MAX_US 200000

/* Deadlines of calls whose audio comes faster than it is heard lie on a grid of this, so that many share a wake-up. */
#define AIC_PACE_SHARED_US 5000

/*
 * The same of the moments at which is looked whether audio that is passed on as it comes has stopped coming; and how
 * long after the deadline at least.
 */
#define AIC_PACE_CHECK_US 10000
#define AIC_PACE_CHECK_AFTER_US 5000

/* Who has been heard is given so long to go on before idle audio takes the place of what is missing. */
#define AIC_PACE_IDLE_AFTER_US AIC_FRAME_US

/* Idle audio that is further behind than this is left out: a line that stood still gets no burst of it. */
#define AIC_PACE_IDLE_BEHIND_MAX_US 60000

/* Frames that are queued from which on audio counts as coming faster than it is heard. */
#define AIC_PACE_FRAMES_TO_SPARE 4

/*
 * How much sooner than usual the frame goes that follows one on which another was waiting: see aic_pace_is_crowded().
 */
#define AIC_PACE_HURRY_US 500

/*
 * Audio came while nothing was queued, so that now `queued_frames` are, and the next frame is due at `due_us` (0: never
 * was any). Whether the first of them is to be played now.
 */
bool aic_pace_plays_arrival(uint64_t due_us, uint64_t now_us, size_t queued_frames);

/* It was: the deadline of the next. `queued_frames` as above. */
uint64_t aic_pace_due_after_arrival(uint64_t now_us, size_t queued_frames);

/*
 * Whether audio that comes as it is heard begins to pile up: to `queued_frames` (at least one) more were appended, but
 * not enough that it came faster than it is heard. Some packets that came late and together leave such a rest behind,
 * by which everything after them would be heard later.
 */
bool aic_pace_is_crowded(size_t queued_frames);

/* The deadline of the frame after one whose deadline was `due_us`. */
uint64_t aic_pace_due_after_frame(uint64_t due_us, bool crowded);

/*
 * The deadline to go on with at `now_us`, for frames that are queued: `due_us`, or now where there is none (0) or it is
 * too long ago.
 */
uint64_t aic_pace_due_now(uint64_t due_us, uint64_t now_us);

/* When to look whether audio that is passed on as it comes has stopped coming. */
uint64_t aic_pace_dry_check(uint64_t due_us);

#endif
