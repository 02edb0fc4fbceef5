/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "turns.h"

uint64_t aic_turns_next(struct aic_turns *turns, uint64_t now_us)
{
	turns->last++;
	turns->begun_us[turns->last % AIC_TURNS_KNOWN] = now_us;
	return turns->last;
}

uint64_t aic_turns_begun(const struct aic_turns *turns, uint64_t turn)
{
	uint64_t oldest = turns->last < AIC_TURNS_KNOWN ? 1 : turns->last - AIC_TURNS_KNOWN + 1;

	return turns->begun_us[(turn < oldest ? oldest : turn) % AIC_TURNS_KNOWN];
}
