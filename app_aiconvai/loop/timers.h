/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Timers of one thread, the earliest first: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) whose nodes are
 * the timers themselves, so that nothing is allocated. Setting one is a comparison, taking the earliest or cancelling
 * one is logarithmic, averaged over many. Libwebsockets' own timers are a sorted list, which with hundreds of calls
 * costs more than the calls.
 */
#ifndef AIC_TIMERS_H
#define AIC_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* Belongs to whoever sets it and begins as zeros but for `fire`; what else is in it is the heap's. */
struct aic_timer {
	void (*fire)(struct aic_timer *timer); /* it is not set any more then, and may be set again, or freed */
	uint64_t due_us;
	struct aic_timer *child, *next;
	struct aic_timer *previous; /* the sibling before it, or the parent of the first */
	bool is_set;
};

struct aic_timers {
	struct aic_timer *first; /* the earliest */
	uint64_t firing_us;      /* what is set meanwhile fires after it; 0: none is firing */
};

/* Has the timer fire at that time, and not at the one it was set for. UINT64_MAX: not at all. */
void aic_timers_set(struct aic_timers *timers, struct aic_timer *timer, uint64_t due_us);

/* When the earliest is due; UINT64_MAX: none is set. */
uint64_t aic_timers_next(const struct aic_timers *timers);

/*
 * Fires those that are due, the earliest first. One that is set meanwhile waits for the next call, whatever its time:
 * nobody keeps the thread.
 */
void aic_timers_fire(struct aic_timers *timers, uint64_t now_us);

#endif
