/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service_watch.h"

#include "microseconds.h"

/* A time that the host has from the kernel may be wrong by so much: it counts in ticks. */
#define CLOCK_SLACK_US (20 * US_PER_MS)

static void set_due(struct aic_service_watch *watch)
{
	uint64_t patience_us = watch->limit_us / 2;

	if (!watch->limit_us || watch->heard_us == UINT64_MAX) {
		watch->due_us = UINT64_MAX;
	} else if (watch->asked_us == UINT64_MAX) {
		watch->due_us = watch->heard_us + patience_us;
	} else {
		watch->due_us = aic_later(watch->heard_us + watch->limit_us, watch->asked_us + patience_us);
	}
}

void aic_service_watch_init(struct aic_service_watch *watch, uint32_t limit_seconds)
{
	*watch = (struct aic_service_watch) {.limit_us = limit_seconds * US_PER_SECOND, .heard_us = UINT64_MAX,
		.asked_us = UINT64_MAX, .due_us = UINT64_MAX};
}

void aic_service_watch_start(struct aic_service_watch *watch, uint64_t now_us)
{
	watch->heard_us = now_us;
	watch->asked_us = UINT64_MAX;
	set_due(watch);
}

void aic_service_watch_heard(struct aic_service_watch *watch, uint64_t when_us)
{
	if (watch->heard_us == UINT64_MAX) {
		return;
	}
	watch->heard_us = aic_later(watch->heard_us, when_us);
	if (watch->asked_us <= when_us + CLOCK_SLACK_US) {
		watch->asked_us = UINT64_MAX;
	}
	set_due(watch);
}

enum aic_watch_step aic_service_watch_attend(struct aic_service_watch *watch, uint64_t now_us)
{
	enum aic_watch_step step = watch->asked_us == UINT64_MAX ? AIC_WATCH_ASK : AIC_WATCH_DEAD;

	if (now_us < watch->due_us) {
		return AIC_WATCH_NOTHING;
	}
	if (step == AIC_WATCH_ASK) {
		watch->asked_us = now_us;
	} else {
		watch->heard_us = UINT64_MAX;
	}
	set_due(watch);
	return step;
}
