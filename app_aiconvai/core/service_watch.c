/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service_watch.h"

#include "microseconds.h"

/* A time that the host has from the kernel may be wrong by so much: it counts in ticks. */
#define CLOCK_SLACK_US (20 * US_PER_MS)

void aic_service_watch_init(struct aic_service_watch *watch, uint32_t limit_seconds)
{
	*watch = (struct aic_service_watch) {.limit_us = limit_seconds * US_PER_SECOND, .heard_us = UINT64_MAX, .asked_us = UINT64_MAX};
}

void aic_service_watch_start(struct aic_service_watch *watch, uint64_t now_us)
{
	watch->heard_us = now_us;
	watch->asked_us = UINT64_MAX;
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
}

uint64_t aic_service_watch_due(const struct aic_service_watch *watch)
{
	uint64_t patience_us = watch->limit_us / 2;

	if (!watch->limit_us || watch->heard_us == UINT64_MAX) {
		return UINT64_MAX;
	}
	if (watch->asked_us == UINT64_MAX) {
		return watch->heard_us + patience_us;
	}
	return aic_later(watch->heard_us + watch->limit_us, watch->asked_us + patience_us);
}

enum aic_watch_step aic_service_watch_attend(struct aic_service_watch *watch, uint64_t now_us)
{
	if (now_us < aic_service_watch_due(watch)) {
		return AIC_WATCH_NOTHING;
	}
	if (watch->asked_us == UINT64_MAX) {
		watch->asked_us = now_us;
		return AIC_WATCH_ASK;
	}
	watch->heard_us = UINT64_MAX;
	return AIC_WATCH_DEAD;
}
