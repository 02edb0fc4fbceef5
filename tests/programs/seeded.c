/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "seeded.h"

struct seeded seeded_begin(uint64_t seed, uint64_t number)
{
	struct seeded of_seed = {.state = seed};

	return (struct seeded) {.state = seeded_next(&of_seed) + number * UINT64_C(0xd1342543de82ef95)};
}

uint64_t seeded_next(struct seeded *seeded)
{
	uint64_t mixed = seeded->state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

uint64_t seeded_below(struct seeded *seeded, uint64_t end)
{
	return seeded_next(seeded) % end;
}
