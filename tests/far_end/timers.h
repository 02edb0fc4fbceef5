/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Deadlines to the microsecond on one timerfd: the timers of libwebsockets and libuv are to the millisecond, which
 * would be seen in the jitter that the far end makes on purpose.
 */
#ifndef FAR_END_TIMERS_H
#define FAR_END_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;

/* Sits in the struct of whoever owns it; all zero means stopped. */
struct timer {
	uint64_t due_us;
	size_t place; /* in the heap, from 1; 0: not running */
	void (*run)(void *arg);
	void *arg;
};

/* CLOCK_MONOTONIC in microseconds. */
uint64_t now_us(void);

/* Returns 0, or -1 after a line on standard error. */
int timers_open(struct uv_loop_s *loop);

/* Nothing runs any more; timers may still be stopped. The loop has to run on before the memory may be freed. */
void timers_close(void);
void timers_free(void);

/*
 * Runs `timer->run` once, at `due_us` or as soon after as the process gets to it. A timer that runs already is moved.
 */
void timer_start(struct timer *timer, uint64_t due_us);
void timer_stop(struct timer *timer);

#endif
