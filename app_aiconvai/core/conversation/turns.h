/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The turns of a conversation: what the caller and the agent say, numbered from 1 on in the order in which it is said.
 * The words of one may come later than those of the next, as somebody has to write them down. Not thread-safe: it
 * belongs to a conversation.
 */
#ifndef AIC_TURNS_H
#define AIC_TURNS_H

#include <stdint.h>

/* Of so many latest turns it is known when they were. */
#define AIC_TURNS_KNOWN 16

struct aic_turns {
	uint64_t last; /* number of the latest; 0: there was none */
	uint64_t agent_last; /* the latest of the agent's whose words came */
	uint64_t begun_us[AIC_TURNS_KNOWN]; /* since the conversation began; turn n in place n mod AIC_TURNS_KNOWN */
};

/* The next turn; returns its number. */
uint64_t aic_turns_next(struct aic_turns *turns, uint64_t now_us);

/* When that turn was, or the oldest one that is known. */
uint64_t aic_turns_begun(const struct aic_turns *turns, uint64_t turn);

#endif
