/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The keys that the caller presses, as the agent is told of them.
 */
#ifndef AIC_CONVERSATION_KEYS_H
#define AIC_CONVERSATION_KEYS_H

#include <stddef.h>

struct aic_conversation;

/* Keys pressed before the conversation is active. */
#define AIC_EARLY_KEYS_MAX 32

struct aic_keys {
	char early[AIC_EARLY_KEYS_MAX];
	size_t early_count;
};

/* The conversation is active: tells of those that were pressed before. */
void aic_keys_tell_early(struct aic_conversation *conversation);

#endif
