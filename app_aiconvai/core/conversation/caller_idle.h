/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A caller who says nothing: after a while the agent is to check in, after some times it is to say goodbye, and once
 * that was heard the call is over. The time counts from the last word of either party. Not thread-safe: it belongs to a
 * conversation.
 */
#ifndef AIC_CALLER_IDLE_H
#define AIC_CALLER_IDLE_H

#include "energy.h"
#include "speech_level.h"

enum aic_idle_step {
	AIC_IDLE_NOTHING,
	AIC_IDLE_CHECK_IN,
	AIC_IDLE_SAY_GOODBYE,
	AIC_IDLE_END,
};

struct aic_caller_idle {
	uint64_t limit_us; /* 0: callers may be silent */
	uint64_t trust_us; /* so long after the last sure sign of the caller loudness alone is no sign; 0: it always is */
	unsigned int most_warnings;

	uint64_t sure_us;      /* when there was a sure sign */
	unsigned int warnings; /* given since the caller was last heard */
	bool leaving;          /* the agent was asked to say goodbye */
	bool goodbye_came;     /* audio came after that */
	/* when a party was last heard or asked something; UINT64_MAX: the conversation has not begun */
	uint64_t since_us;
	uint64_t agent_until_us; /* when all agent audio that came will have been heard */
	struct aic_speech_level level;
	uint64_t loud_us;      /* of the caller's latest audio; what is quiet takes it back */
	uint64_t caller_until_us; /* when the caller was last heard */
	uint64_t spoke_until_us;  /* the same of what counts as speech; 0: never */
};

void aic_caller_idle_init(struct aic_caller_idle *idle, uint32_t limit_seconds, uint32_t trust_seconds,
	uint32_t most_warnings);

/* The conversation is active, for the first time or again. */
void aic_caller_idle_start(struct aic_caller_idle *idle, uint64_t now_us);

/*
 * So much caller audio came, of that energy: enough of it that is loud counts as speech. Returns whether it is that
 * loud.
 */
bool aic_caller_idle_audio(struct aic_caller_idle *idle, const struct aic_energy *energy, uint32_t rate,
	uint64_t now_us);

/* The caller is there for sure: words came, or a key was pressed. */
void aic_caller_idle_heard(struct aic_caller_idle *idle, uint64_t now_us);

/* Agent audio came that takes so long to be heard; what had come is not heard any more. */
void aic_caller_idle_agent_audio(struct aic_caller_idle *idle, uint64_t duration_us, uint64_t now_us);
void aic_caller_idle_agent_silenced(struct aic_caller_idle *idle, uint64_t now_us);

/* For so long nobody could have been heard: everything is as much later. */
void aic_caller_idle_put_off(struct aic_caller_idle *idle, uint64_t by_us);

/* Since when neither party has been heard. */
uint64_t aic_caller_idle_quiet_since(const struct aic_caller_idle *idle);

/* When aic_caller_idle_step() is to be called; UINT64_MAX: not at all. */
uint64_t aic_caller_idle_due(const struct aic_caller_idle *idle);

/* What is to be done now. */
enum aic_idle_step aic_caller_idle_step(struct aic_caller_idle *idle, uint64_t now_us);

#endif
