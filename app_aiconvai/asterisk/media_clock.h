/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * One thread that writes the agents' audio to the channels, AIC_FRAME_MS of it at a time, on absolute deadlines.
 *
 * The first frame of a turn is written as soon as it is there; the next ones follow on a grid of 1 ms, each a whole number of
 * frames after the first's place on it: many sessions share a wake-up, and no work done in between adds to the time.
 */
#ifndef AIC_MEDIA_CLOCK_H
#define AIC_MEDIA_CLOCK_H

#include <stdint.h>

struct session;

/* Starts the thread. Returns 0 or -1. */
int media_clock_start(void);

/* Joins it. No session may be left. */
void media_clock_stop(void);

/*
 * There is audio to play, or the conversation ended: the clock looks at the session at once and goes on for as long as there
 * is anything to do. Any thread; does not wait for the clock or for a channel. The clock takes its own reference.
 */
void media_clock_attend(struct session *session);

struct media_clock_stats {
	uint64_t frames;        /* written */
	uint64_t busy_channels; /* times a channel's lock was not free, and the frame had to wait */
	uint64_t late_us_max;   /* latest wake-up */
};

void media_clock_stats(struct media_clock_stats *stats);

#endif
