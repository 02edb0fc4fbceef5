/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "caller_idle.h"

#include "microseconds.h"

/* Shorter than this is a click. */
#define SPEECH_US UINT64_C(100000)

/* A service pauses between sentences; after this the goodbye was all. And this long one may take to begin. */
#define GOODBYE_PAUSE_US (1 * US_PER_SECOND)
#define GOODBYE_PATIENCE_US (15 * US_PER_SECOND)

void aic_caller_idle_init(struct aic_caller_idle *idle, uint32_t limit_seconds, uint32_t trust_seconds,
	uint32_t most_warnings)
{
	*idle = (struct aic_caller_idle) {.limit_us = limit_seconds * US_PER_SECOND,
		.trust_us = trust_seconds * US_PER_SECOND, .most_warnings = most_warnings, .since_us = UINT64_MAX};
	aic_speech_level_init(&idle->level);
}

void aic_caller_idle_start(struct aic_caller_idle *idle, uint64_t now_us)
{
	if (idle->since_us == UINT64_MAX) {
		idle->since_us = idle->sure_us = now_us;
	}
}

/* Somebody is, and it may be the caller. */
static void note_heard(struct aic_caller_idle *idle, uint64_t now_us)
{
	if (idle->since_us == UINT64_MAX) {
		return;
	}
	idle->since_us = now_us;
	idle->warnings = 0;
	idle->leaving = false;
}

void aic_caller_idle_heard(struct aic_caller_idle *idle, uint64_t now_us)
{
	idle->sure_us = now_us;
	note_heard(idle, now_us);
}

bool aic_caller_idle_audio(struct aic_caller_idle *idle, const struct aic_energy *energy, uint32_t rate,
	uint64_t now_us)
{
	uint64_t duration_us = energy->samples * US_PER_SECOND / rate;

	if (!energy->samples) {
		return false;
	}
	if (!aic_speech_level_is_speech(&idle->level, energy->square_sum / energy->samples, duration_us)) {
		idle->loud_us -= duration_us < idle->loud_us ? duration_us : idle->loud_us;
		return false;
	}
	idle->loud_us += duration_us;
	idle->caller_until_us = now_us;
	if (idle->loud_us >= SPEECH_US) {
		idle->loud_us = SPEECH_US;
		idle->spoke_until_us = now_us;
		/* A television is as loud, and does not stop. */
		if (!idle->trust_us || now_us < idle->sure_us + idle->trust_us) {
			note_heard(idle, now_us);
		}
	}
	return true;
}

void aic_caller_idle_agent_audio(struct aic_caller_idle *idle, uint64_t duration_us, uint64_t now_us)
{
	idle->agent_until_us = aic_later(idle->agent_until_us, now_us) + duration_us;
	idle->goodbye_came = idle->leaving;
}

void aic_caller_idle_agent_silenced(struct aic_caller_idle *idle, uint64_t now_us)
{
	idle->agent_until_us = now_us;
}

static uint64_t put_off(uint64_t time_us, uint64_t by_us)
{
	return time_us && time_us != UINT64_MAX ? time_us + by_us : time_us;
}

void aic_caller_idle_put_off(struct aic_caller_idle *idle, uint64_t by_us)
{
	idle->since_us = put_off(idle->since_us, by_us);
	idle->agent_until_us = put_off(idle->agent_until_us, by_us);
	idle->caller_until_us = put_off(idle->caller_until_us, by_us);
	idle->spoke_until_us = put_off(idle->spoke_until_us, by_us);
	idle->sure_us = put_off(idle->sure_us, by_us);
}

uint64_t aic_caller_idle_quiet_since(const struct aic_caller_idle *idle)
{
	return aic_later(idle->caller_until_us, idle->agent_until_us);
}

uint64_t aic_caller_idle_due(const struct aic_caller_idle *idle)
{
	if (!idle->limit_us || idle->since_us == UINT64_MAX) {
		return UINT64_MAX;
	}
	if (idle->leaving) {
		return idle->goodbye_came ? idle->agent_until_us + GOODBYE_PAUSE_US : idle->since_us + GOODBYE_PATIENCE_US;
	}
	return aic_later(idle->since_us, idle->agent_until_us) + idle->limit_us;
}

enum aic_idle_step aic_caller_idle_step(struct aic_caller_idle *idle, uint64_t now_us)
{
	if (now_us < aic_caller_idle_due(idle)) {
		return AIC_IDLE_NOTHING;
	}
	if (idle->leaving) {
		return AIC_IDLE_END;
	}
	idle->since_us = now_us;
	if (idle->warnings < idle->most_warnings) {
		idle->warnings++;
		return AIC_IDLE_CHECK_IN;
	}
	idle->leaving = true;
	idle->goodbye_came = false;
	return AIC_IDLE_SAY_GOODBYE;
}
