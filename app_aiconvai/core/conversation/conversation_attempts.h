/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Attempts to open what a conversation needs, and which agent they are for.
 */
#ifndef AIC_CONVERSATION_ATTEMPTS_H
#define AIC_CONVERSATION_ATTEMPTS_H

#include "outcome.h"
#include "request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_agent_choice;
struct aic_conversation;

struct aic_attempts {
	struct aic_agent_choice *others; /* owned: those that take the call where the present agent cannot */
	size_t other_count, next_other;
	const struct aic_agent_choice *takes_over; /* of them: the next attempt is its; NULL: the present agent's */
	/* Why those were that could not take the call, "; " before each; empty: none was. */
	char passed_over[AIC_REASON_MAX];
	struct aic_request request; /* of the present attempt */
	bool awaits_lookup; /* what is found out about the caller comes before the first one (option lookup) */
	/* WAITING: the next attempt; otherwise when the phase has taken too long; UINT64_MAX: never */
	uint64_t due_us;
};

/*
 * The present attempt is over: begins to wait for the next one, or ends. Whatever was open is gone or being dropped.
 * `busy`: the service is well, and has no room.
 */
void aic_conversation_attempt_failed(struct aic_conversation *conversation, bool retry, bool busy, uint16_t close_code,
	const char *reason);

/* The present attempt is over, and the next one is due then. Whatever was open is gone or being dropped. */
void aic_conversation_wait_for_attempt(struct aic_conversation *conversation, uint64_t due_us);

/* Begins the next attempt, or gives up one that took too long. */
uint64_t aic_attempts_due(const struct aic_conversation *conversation);
bool aic_attempts_attend(struct aic_conversation *conversation);

#endif
