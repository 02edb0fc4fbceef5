/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A binary heap of pointers.
 */
#include "timers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct timer **heap; /* from 1 */
static size_t count, capacity;
static void (*on_change)(uint64_t first_us);

uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static void put(size_t place, struct timer *timer)
{
	heap[place] = timer;
	timer->place = place;
}

/* Puts `timer` where it belongs, from the free `place` on towards either end. */
static void settle(size_t place, struct timer *timer)
{
	while (place > 1 && timer->due_us < heap[place / 2]->due_us) {
		put(place, heap[place / 2]);
		place /= 2;
	}
	for (;;) {
		size_t child = place * 2;

		if (child > count) {
			break;
		}
		if (child < count && heap[child + 1]->due_us < heap[child]->due_us) {
			child++;
		}
		if (heap[child]->due_us >= timer->due_us) {
			break;
		}
		put(place, heap[child]);
		place = child;
	}
	put(place, timer);
}

static void take_out(struct timer *timer)
{
	size_t place = timer->place;
	struct timer *last = heap[count--];

	timer->place = 0;
	if (last != timer) {
		settle(place, last);
	}
}

static void tell(void)
{
	if (on_change) {
		on_change(timers_first_us());
	}
}

void timers_on_change(void (*changed)(uint64_t first_us))
{
	on_change = changed;
}

uint64_t timers_first_us(void)
{
	return count ? heap[1]->due_us : 0;
}

void timers_run(uint64_t now)
{
	while (count && heap[1]->due_us <= now) {
		struct timer *timer = heap[1];

		take_out(timer);
		timer->run(timer->arg);
	}
	tell();
}

void timers_free(void)
{
	free(heap);
	heap = NULL;
	count = capacity = 0;
}

void timer_start(struct timer *timer, uint64_t due_us)
{
	/* 0 says that there is none. */
	timer->due_us = due_us ? due_us : 1;
	if (timer->place) {
		settle(timer->place, timer);
		tell();
		return;
	}
	if (count + 1 >= capacity) {
		size_t grown = capacity ? capacity * 2 : 1024;
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds. */
		struct timer **timers = realloc(heap, grown * sizeof(*timers));

		if (!timers) {
			fprintf(stderr, "%s: out of memory for timers\n", program_invocation_short_name);
			abort();
		}
		heap = timers;
		capacity = grown;
	}
	count++;
	settle(count, timer);
	tell();
}

void timer_stop(struct timer *timer)
{
	if (timer->place) {
		take_out(timer);
		tell();
	}
}
