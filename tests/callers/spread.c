/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "spread.h"

#include "json_line.h"

void spread_add(struct spread *spread, uint64_t us)
{
	uint64_t step = us / SPREAD_STEP_US;

	spread->count++;
	spread->steps[step < SPREAD_STEPS ? step : SPREAD_STEPS - 1]++;
	if (us > spread->longest_us) {
		spread->longest_us = us;
	}
}

uint64_t spread_percentile(const struct spread *spread, double share)
{
	uint64_t wanted = (uint64_t) (share * (double) spread->count), seen = 0;

	for (uint64_t i = 0; i < SPREAD_STEPS; i++) {
		seen += spread->steps[i];
		if (seen && seen >= wanted) {
			uint64_t end_us = (i + 1) * SPREAD_STEP_US;

			return end_us < spread->longest_us ? end_us : spread->longest_us;
		}
	}
	return 0;
}

void spread_tell(const struct spread *spread, yajl_gen gen, const char *key)
{
	json_line_open_object(gen, key);
	json_line_put_thousandths(gen, "p50", spread_percentile(spread, 0.5));
	json_line_put_thousandths(gen, "p99", spread_percentile(spread, 0.99));
	json_line_put_thousandths(gen, "max", spread->longest_us);
	json_line_close_object(gen);
}
