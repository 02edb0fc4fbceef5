/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The loop's timers against a plain model of them: an array that is searched.
 *
 *     timers_model SEED STEPS
 *
 * Sets, moves and cancels timers and lets time go by, at random; those that fire set and cancel others. Prints what was
 * done; the first difference ends it with status 1.
 */
#include "container_of.h"
#include "timers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMERS 40
#define LONGEST_US 500

struct one {
	struct aic_timer timer;
	uint64_t due_us; /* the model's; UINT64_MAX: not set */
};

static struct one all[TIMERS];
static struct aic_timers timers;
static uint64_t now_us = 1000, fired, moved;
static unsigned int seed;

static void fail(const char *what, size_t number)
{
	printf("at %" PRIu64 " us: timer %zu %s\n", now_us, number, what);
	exit(1);
}

static uint64_t earliest(void)
{
	uint64_t due_us = UINT64_MAX;

	for (size_t i = 0; i < TIMERS; i++) {
		due_us = all[i].due_us < due_us ? all[i].due_us : due_us;
	}
	return due_us;
}

/* Sets one to a time that may have come already, or cancels it. */
static void change(struct one *one, uint64_t not_before_us)
{
	uint64_t due_us = now_us + (uint64_t) (rand_r(&seed) % LONGEST_US) - LONGEST_US / 4;

	if (rand_r(&seed) % 5 == 0) {
		due_us = UINT64_MAX;
	}
	aic_timers_set(&timers, &one->timer, due_us);
	one->due_us = due_us != UINT64_MAX && due_us < not_before_us ? not_before_us : due_us;
	moved++;
}

static void on_timer(struct aic_timer *timer)
{
	struct one *one = AIC_CONTAINER_OF(timer, struct one, timer);

	if (one->due_us > now_us) {
		fail("fired early, or is not set", (size_t) (one - all));
	}
	if (one->due_us != earliest()) {
		fail("fired before an earlier one", (size_t) (one - all));
	}
	one->due_us = UINT64_MAX;
	fired++;
	if (rand_r(&seed) % 2) {
		change(one, now_us + 1);
	}
	if (rand_r(&seed) % 2) {
		change(&all[rand_r(&seed) % TIMERS], now_us + 1);
	}
}

int main(int argc, char **argv)
{
	unsigned long steps;

	if (argc != 3) {
		fprintf(stderr, "usage: timers_model SEED STEPS\n");
		return 2;
	}
	seed = (unsigned int) strtoul(argv[1], NULL, 10);
	steps = strtoul(argv[2], NULL, 10);
	for (size_t i = 0; i < TIMERS; i++) {
		all[i] = (struct one) {.timer.fire = on_timer, .due_us = UINT64_MAX};
	}
	while (steps--) {
		change(&all[rand_r(&seed) % TIMERS], 0);
		if (aic_timers_next(&timers) != earliest()) {
			fail("is not the earliest", 0);
		}
		if (rand_r(&seed) % 3 == 0) {
			now_us += (uint64_t) (rand_r(&seed) % (LONGEST_US / 4));
			aic_timers_fire(&timers, now_us);
			if (earliest() <= now_us) {
				fail("did not fire", 0);
			}
		}
	}
	printf("%" PRIu64 " fired, %" PRIu64 " moved\n", fired, moved);
	return 0;
}
