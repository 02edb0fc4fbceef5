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

/* The peak of one look that nothing was added to has to be clearer. */
#define CLEAR_OVER_MEAN 9

/* Looks that have to agree before it is known, and before it is known to be another. */
#define AGREEING_FIRST 4
#define AGREEING_THEN 2

/* Peaks that are as near to each other as this are one: 4 ms. */
#define ALIKE 32

/* A jitter buffer grows or shrinks by no more than 200 ms at once. */
#define LONGEST_JUMP 1600

/* Samples between looks: while it is looked for, while it is seen whether it still holds, and where it may not. */
#define SEARCH_PAUSE 1024
#define WATCH_PAUSE 8000
#define DOUBT_PAUSE 4000

/* After so many looks in vain, 4 s of the agent's speech, there is no echo. */
#define IN_VAIN 32

void aic_bulk_delay_init(struct aic_bulk_delay *delay)
{
	memset(delay, 0, sizeof(*delay));
}

/* Where the peak of the sums is; -1: none is so many times as strong as what is found on average. */
static int find_peak(const struct aic_bulk_delay *delay, float over_mean)
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
	return most > over_mean * all * PEAK / AIC_CORRELATION_LAGS ? peak : -1;
}

static bool is_near(unsigned int a, unsigned int b, unsigned int distance)
{
	return a < b + distance && b < a + distance;
}

static bool is_alike(unsigned int a, unsigned int b)
{
	return is_near(a, b, ALIKE);
}

bool aic_bulk_delay_look(struct aic_bulk_delay *delay, struct aic_fft *fft, const float *near, const float *far)
{
	int peak;

	aic_fft_add_correlation(fft, near, far, KEPT, delay->sums);
	peak = find_peak(delay, PEAK_OVER_MEAN);
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

bool aic_bulk_delay_has_jumped(struct aic_bulk_delay *delay, struct aic_fft *fft, const float *near, const float *far)
{
	int peak;

	aic_fft_add_correlation(fft, near, far, 0, delay->sums);
	peak = find_peak(delay, CLEAR_OVER_MEAN);
	if (peak < 0 || is_alike(delay->samples, (unsigned int) peak)
		|| !is_near(delay->samples, (unsigned int) peak, LONGEST_JUMP)) {
		return false;
	}
	delay->samples = delay->candidate = (unsigned int) peak;
	delay->agreed = 1;
	return true;
}

int aic_bulk_delay_pause(const struct aic_bulk_delay *delay, bool is_in_doubt)
{
	if (delay->known) {
		return is_in_doubt ? DOUBT_PAUSE : WATCH_PAUSE;
	}
	return delay->in_vain >= IN_VAIN && delay->agreed < AGREEING_THEN ? WATCH_PAUSE : SEARCH_PAUSE;
}
