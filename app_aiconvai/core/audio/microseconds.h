/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Points in time, and durations, as the engine counts them: microseconds; UINT64_MAX is never.
 */
#ifndef AIC_MICROSECONDS_H
#define AIC_MICROSECONDS_H

#include <stdint.h>

#define US_PER_MS UINT64_C(1000)
#define US_PER_SECOND UINT64_C(1000000)

static inline uint64_t aic_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t aic_later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
