/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * One thread that writes the agents' audio to the channels, AIC_FRAME_MS of it at a time, on absolute deadlines.
 *
 * The first frame of a turn is written as soon as it is there, by the thread that decoded it; the next ones follow when
 * they are due (pace.h), on ticks of 1 ms: many sessions share a wake-up, and no work done in between adds to the time.
 */
#ifndef AIC_MEDIA_CLOCK_H
#define AIC_MEDIA_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct session;

/* Starts the thread. Returns 0 or -1. */
int media_clock_start(void);

/* Joins it. No session may be left. */
void media_clock_stop(void);

/*
 * There is audio that is due later, or the conversation ended: the clock looks at the session at once and goes on for
 * as long as there is anything to do. Any thread; does not wait for the clock or for a channel. The clock takes its own
 * reference.
 */
void media_clock_attend(struct session *session);

/*
 * `appended_bytes` of audio were appended to the session's queue. Where nothing was queued before, its first frame is
 * played here and now, if it is not too early for it; the clock does the rest. The thread that appends; does not wait
 * for the clock or for a channel.
 */
void media_clock_play_arrival(struct session *session, size_t appended_bytes);

struct media_clock_stats {
	uint64_t frames;        /* written */
	uint64_t busy_channels; /* times a channel's lock was not free, and the frame had to wait */
	uint64_t late_us_max;   /* latest wake-up */
};

void media_clock_stats(struct media_clock_stats *stats);

#endif
