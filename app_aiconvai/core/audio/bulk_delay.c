/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "bulk_delay.h"

#include <string.h>

/* Of what was found by the looks before. */
#define KEPT 0.8f

/* Samples of a peak: 4 ms. A room answers for longer than that, but not as loudly. */
#define PEAK 32

/* A peak is so many times as strong as what is found on average. */
#define PEAK_OVER_MEAN 4

/* Looks that have to agree before it is known, and before it is known to be another. */
#define AGREEING_FIRST 4
#define AGREEING_THEN 2

/* Peaks that are as near to each other as this are one: 4 ms. */
#define ALIKE 32

/* Samples between looks: while it is looked for, and while it is seen whether it still holds. */
#define SEARCH_PAUSE 1024
#define WATCH_PAUSE 4000

/* After so many looks in vain, 4 s of the agent's speech, there is no echo. */
#define IN_VAIN 32

void aic_bulk_delay_init(struct aic_bulk_delay *delay)
{
	memset(delay, 0, sizeof(*delay));
}

/* Where the peak of the sums is; -1: none stands out. */
static int find_peak(const struct aic_bulk_delay *delay)
{
	float energy = 0, all = 0, most = 0;
	int peak = 0;

	for (int i = 0; i < AIC_CORRELATION_LAGS; i++) {
		float square = delay->sums[i] * delay->sums[i];

		all += square;
		energy += square;
		if (i >= PEAK) {
			energy -= delay->sums[i - PEAK] * delay->sums[i - PEAK];
		}
		if (energy > most) {
			most = energy;
			peak = i;
		}
	}
	peak = peak > PEAK / 2 ? peak - PEAK / 2 : 0;
	return most > PEAK_OVER_MEAN * all * PEAK / AIC_CORRELATION_LAGS ? peak : -1;
}

static bool is_alike(unsigned int a, unsigned int b)
{
	return a < b + ALIKE && b < a + ALIKE;
}

bool aic_bulk_delay_look(struct aic_bulk_delay *delay, struct aic_fft *fft, const float *near, const float *far)
{
	int peak;

	aic_fft_add_correlation(fft, near, far, KEPT, delay->sums);
	peak = find_peak(delay);
	delay->in_vain++;
	if (peak < 0) {
		delay->agreed = 0;
		return false;
	}
	delay->agreed = delay->agreed && is_alike((unsigned int) peak, delay->candidate) ? delay->agreed + 1 : 1;
	delay->candidate = (unsigned int) peak;
	if (delay->agreed > 1) {
		delay->in_vain = 0;
	}
	if (delay->agreed < (delay->known ? AGREEING_THEN : AGREEING_FIRST)
		|| (delay->known && is_alike(delay->samples, delay->candidate))) {
		return false;
	}
	delay->known = true;
	delay->samples = delay->candidate;
	return true;
}

int aic_bulk_delay_pause(const struct aic_bulk_delay *delay)
{
	return delay->known || delay->in_vain >= IN_VAIN ? WATCH_PAUSE : SEARCH_PAUSE;
}
