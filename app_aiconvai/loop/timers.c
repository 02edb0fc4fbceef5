/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "timers.h"

#include <stddef.h>

/* Makes one heap of two; neither has siblings. */
static struct aic_timer *meld(struct aic_timer *a, struct aic_timer *b)
{
	if (!a || !b) {
		return a ? a : b;
	}
	if (b->due_us < a->due_us) {
		struct aic_timer *later = a;

		a = b;
		b = later;
	}
	b->next = a->child;
	if (b->next) {
		b->next->previous = b;
	}
	b->previous = a;
	a->child = b;
	return a;
}

/* Cuts the first one off its siblings and returns the rest of them. */
static struct aic_timer *cut_first(struct aic_timer *first)
{
	struct aic_timer *rest = first->next;

	first->next = first->previous = NULL;
	return rest;
}

/* Makes one heap of siblings: two by two from the first on, then all of these pairs from the last on. */
static struct aic_timer *meld_siblings(struct aic_timer *first)
{
	struct aic_timer *pairs = NULL, *heap = NULL;

	while (first) {
		struct aic_timer *one = first, *other = cut_first(one), *pair;

		first = other ? cut_first(other) : NULL;
		pair = meld(one, other);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct aic_timer *pair = pairs;

		pairs = cut_first(pair);
		heap = meld(heap, pair);
	}
	return heap;
}

static void take_out(struct aic_timers *timers, struct aic_timer *timer)
{
	struct aic_timer *children = meld_siblings(timer->child);

	timer->child = NULL;
	timer->is_set = false;
	if (timer == timers->first) {
		timers->first = children;
		return;
	}
	if (timer->previous->child == timer) {
		timer->previous->child = timer->next;
	} else {
		timer->previous->next = timer->next;
	}
	if (timer->next) {
		timer->next->previous = timer->previous;
	}
	cut_first(timer);
	timers->first = meld(timers->first, children);
}

void aic_timers_set(struct aic_timers *timers, struct aic_timer *timer, uint64_t due_us)
{
	if (timer->is_set) {
		if (timer->due_us == due_us && due_us > timers->firing_us) {
			return;
		}
		take_out(timers, timer);
	}
	if (due_us == UINT64_MAX) {
		return;
	}
	timer->due_us = due_us > timers->firing_us ? due_us : timers->firing_us + 1;
	timer->is_set = true;
	timers->first = meld(timers->first, timer);
}

uint64_t aic_timers_next(const struct aic_timers *timers)
{
	return timers->first ? timers->first->due_us : UINT64_MAX;
}

void aic_timers_fire(struct aic_timers *timers, uint64_t now_us)
{
	timers->firing_us = now_us;
	while (aic_timers_next(timers) <= now_us) {
		struct aic_timer *timer = timers->first;

		take_out(timers, timer);
		timer->fire(timer);
	}
	timers->firing_us = 0;
}
