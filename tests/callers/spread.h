/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How times spread: percentiles to 10 us, of up to 100 ms; what is longer counts as that, but for the longest.
 */
#ifndef CALLERS_SPREAD_H
#define CALLERS_SPREAD_H

#include <stdint.h>
#include <yajl/yajl_gen.h>

#define SPREAD_STEP_US 10
#define SPREAD_STEPS 10000

/* All zero: nothing yet. */
struct spread {
	uint64_t count, longest_us;
	uint32_t steps[SPREAD_STEPS];
};

void spread_add(struct spread *spread, uint64_t us);

/* The time that so much of all is not longer than, `share` from 0 to 1; 0 of nothing. */
uint64_t spread_percentile(const struct spread *spread, double share);

/* An object `key` with the percentiles, in ms. */
void spread_tell(const struct spread *spread, yajl_gen gen, const char *key);

#endif
