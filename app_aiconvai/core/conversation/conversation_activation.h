/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * From when on the agent hears the caller (option activation). Until then the service is sent silence, so that its
 * clock goes on. Where it is the caller's voice that is waited for, what was said is kept, and sent first.
 */
#ifndef AIC_CONVERSATION_ACTIVATION_H
#define AIC_CONVERSATION_ACTIVATION_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;

struct aic_activation {
	bool is_open;        /* the agent hears the caller */
	bool has_spoken;     /* the caller has, so that it opens as soon as it may */
	uint64_t since_us;   /* the conversation is on; 0: not yet */
	uint64_t opened_us;  /* while is_open */
	struct aic_buffer kept;
};

void aic_activation_init(struct aic_conversation *conversation);
void aic_activation_free(struct aic_activation *activation);

/* The service is there, for the first time or again. */
void aic_activation_begin(struct aic_conversation *conversation);

/* Audio of the caller's while it is not open. */
void aic_activation_hears(struct aic_conversation *conversation, const uint8_t *bytes, size_t length);

/* Whether a key is what was waited for; then nobody is told of it. */
bool aic_activation_takes_key(struct aic_conversation *conversation);

/* Whether a caller who speaks over the agent is to be noticed. */
bool aic_activation_allows_interruption(const struct aic_conversation *conversation);

uint64_t aic_activation_due(const struct aic_conversation *conversation);
bool aic_activation_attend(struct aic_conversation *conversation);

#endif
