/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "pace.h"

static uint64_t round_up(uint64_t us, uint64_t grid_us)
{
	return (us + grid_us - 1) / grid_us * grid_us;
}

bool aic_pace_plays_arrival(uint64_t due_us, uint64_t now_us, size_t queued_frames)
{
	/* With frames to spare nothing is gained by being early, and the shared grid would be lost. */
	uint64_t early_us = queued_frames < AIC_PACE_FRAMES_TO_SPARE ? AIC_PACE_EARLY_US : 0;

	return now_us + early_us >= due_us;
}

uint64_t aic_pace_due_after_arrival(uint64_t now_us, size_t queued_frames)
{
	return (queued_frames < AIC_PACE_FRAMES_TO_SPARE ? now_us : round_up(now_us, AIC_PACE_SHARED_US)) + AIC_FRAME_US;
}

bool aic_pace_is_crowded(size_t queued_frames)
{
	return queued_frames > 0 && queued_frames < AIC_PACE_FRAMES_TO_SPARE;
}

uint64_t aic_pace_due_after_frame(uint64_t due_us, bool crowded)
{
	return due_us + AIC_FRAME_US - (crowded ? AIC_PACE_HURRY_US : 0);
}

uint64_t aic_pace_due_now(uint64_t due_us, uint64_t now_us)
{
	return now_us > due_us + AIC_PACE_BEHIND_MAX_US ? now_us : due_us;
}

uint64_t aic_pace_dry_check(uint64_t due_us)
{
	return round_up(due_us + AIC_PACE_CHECK_AFTER_US, AIC_PACE_CHECK_US);
}
