/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "playout_delay.h"

#include "microseconds.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void end_turn(struct aic_playout_delay *delay)
{
	if (delay->playing && delay->ms && delay->spare_us >= AIC_PLAYOUT_SHRINKAGE_MS * US_PER_MS) {
		delay->ms -= AIC_PLAYOUT_SHRINKAGE_MS;
	}
	delay->playing = delay->ahead = false;
	delay->largest_us = delay->held_us = delay->lag_us = delay->silence_us = 0;
	delay->spare_us = UINT64_MAX;
}

void aic_playout_delay_init(struct aic_playout_delay *delay, uint32_t max_ms)
{
	*delay = (struct aic_playout_delay) {.max_ms = max_ms - max_ms % AIC_FRAME_MS};
	end_turn(delay);
}

/* The turn ran dry, and more of it has come. */
static void count_underrun(struct aic_playout_delay *delay)
{
	uint64_t wanted_ms = (delay->lag_us + AIC_FRAME_US / 2) / AIC_FRAME_US * AIC_FRAME_MS;

	delay->underruns++;
	delay->gap_us += delay->silence_us;
	if (delay->ahead) {
		return;
	}
	wanted_ms = lesser(lesser(wanted_ms, delay->ms + AIC_PLAYOUT_GROWTH_MS), delay->max_ms);
	if (wanted_ms > delay->ms) {
		delay->ms = (uint32_t) wanted_ms;
	}
}

/* More of the turn that is being heard has come. */
static void go_on(struct aic_playout_delay *delay, const struct aic_playout_arrival *arrival)
{
	uint64_t spare_us = arrival->queued_us + (delay->due_us > arrival->now_us ? delay->due_us - arrival->now_us : 0);

	delay->lag_us += delay->silence_us;
	if (delay->silence_us >= AIC_UNDERRUN_MS * US_PER_MS) {
		count_underrun(delay);
	}
	delay->spare_us = lesser(delay->spare_us, delay->silence_us ? 0 : spare_us);
	delay->silence_us = 0;
}

void aic_playout_delay_arrived(struct aic_playout_delay *delay, const struct aic_playout_arrival *arrival)
{
	uint64_t pause_us = (arrival->same_event ? AIC_EVENT_PAUSE_MS : AIC_TURN_PAUSE_MS) * US_PER_MS;

	if (!arrival->queued_us && arrival->now_us > delay->due_us) {
		delay->silence_us += arrival->now_us - delay->due_us;
		delay->due_us = arrival->now_us;
	}
	if (delay->playing && delay->silence_us <= pause_us) {
		go_on(delay, arrival);
	} else if (delay->playing) {
		end_turn(delay);
	}
	if (!arrival->padding && arrival->length_us > delay->largest_us) {
		delay->largest_us = arrival->length_us;
	}
	if (arrival->queued_us + arrival->length_us >= AIC_PLAYOUT_AHEAD_MS * US_PER_MS) {
		delay->ahead = true;
		delay->ms = 0;
	}
}

bool aic_playout_delay_holds_back(const struct aic_playout_delay *delay, uint64_t queued_us)
{
	uint64_t delay_us = delay->ms * US_PER_MS;

	return !delay->playing && delay->held_us < delay_us && queued_us < delay->largest_us + delay_us;
}

void aic_playout_delay_held(struct aic_playout_delay *delay)
{
	delay->due_us += AIC_FRAME_US;
	if (delay->playing) {
		delay->silence_us += AIC_FRAME_US;
	} else {
		delay->held_us += AIC_FRAME_US;
	}
}

void aic_playout_delay_played(struct aic_playout_delay *delay, uint64_t silent_us)
{
	uint64_t delay_us = delay->ms * US_PER_MS;

	if (!delay->playing) {
		delay->playing = true;
		delay->silence_us = 0;
		/* Where it began sooner, as much as the delay is queued instead. */
		delay->lag_us = delay->held_us > delay_us ? delay->held_us : delay_us;
	}
	delay->due_us += AIC_FRAME_US;
	delay->silence_us = silent_us ? delay->silence_us + silent_us : 0;
}

void aic_playout_delay_put_off(struct aic_playout_delay *delay, uint64_t by_us)
{
	delay->due_us += by_us;
}

void aic_playout_delay_interrupted(struct aic_playout_delay *delay, uint64_t queued_us, uint64_t largest_us)
{
	/* One that is held back is another than the one interrupted, if any of it is left. */
	if (delay->playing || !queued_us) {
		end_turn(delay);
	}
	delay->largest_us = largest_us;
}
