/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Random numbers that are the same in every run with the same seed (splitmix64: neighbouring seeds have nothing in
 * common).
 */
#ifndef PROGRAMS_SEEDED_H
#define PROGRAMS_SEEDED_H

#include <stdint.h>

struct seeded {
	uint64_t state;
};

/* One of many sequences: `seed` is the run's, `number` that of whoever draws. */
struct seeded seeded_begin(uint64_t seed, uint64_t number);

uint64_t seeded_next(struct seeded *seeded);

/* Below `end`, which must not be 0. */
uint64_t seeded_below(struct seeded *seeded, uint64_t end);

#endif
