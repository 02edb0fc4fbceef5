/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Deadlines to the microsecond, of any number of timers; whoever has them waits for the first one in his own way.
 */
#ifndef PROGRAMS_TIMERS_H
#define PROGRAMS_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Sits in the struct of whoever owns it; all zero means stopped. */
struct timer {
	uint64_t due_us;
	size_t place; /* in the heap, from 1; 0: not running */
	void (*run)(void *arg);
	void *arg;
};

/* CLOCK_MONOTONIC in microseconds. */
uint64_t now_us(void);

/* When the first timer is due; 0: none runs. */
uint64_t timers_first_us(void);

/* Whom to tell that this may be another time now; NULL: nobody. */
void timers_on_change(void (*changed)(uint64_t first_us));

/* Runs those that are due at `now`. */
void timers_run(uint64_t now);
void timers_free(void);

/*
 * Runs `timer->run` once, at `due_us` or as soon after as the process gets to it. A timer that runs already is moved.
 */
void timer_start(struct timer *timer, uint64_t due_us);
void timer_stop(struct timer *timer);

#endif
