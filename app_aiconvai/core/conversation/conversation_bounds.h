/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How much of what a service sends is taken, and in what shape it is told to the host.
 */
#ifndef AIC_CONVERSATION_BOUNDS_H
#define AIC_CONVERSATION_BOUNDS_H

#include "buffer.h"

#include <stddef.h>
#include <stdint.h>

struct aic_conversation;
struct aic_event;

/* What a service may go beyond: each is said once in a conversation. */
enum aic_bound {
	AIC_BOUND_TRANSCRIPT,
	AIC_BOUND_PARAMETERS,
	AIC_BOUND_ARGUMENTS, /* those that are no JSON, or too much of it */
	AIC_BOUND_NAME,
	AIC_BOUND_MARK,
	AIC_BOUND_CONVERSATION_ID,
	AIC_BOUND_KEPT,
	AIC_BOUND_VARIABLE,
	AIC_BOUND_FILLED,
	AIC_BOUND_PLAYOUT,
};

struct aic_telling {
	unsigned int bounds_told;    /* a bit for each enum aic_bound */
	unsigned int bounds_to_tell; /* those passed before there was anybody to tell */
	uint64_t errors_since_us;    /* when the period began in which errors are counted */
	unsigned int errors_told;    /* in that period */
	struct aic_buffer line;      /* a text from outside as an event tells it */
};

/* Hands an event to the host. Whatever text is in it goes through one filter here: it is a line (utf8.h). */
void aic_conversation_tell(struct aic_conversation *conversation, const struct aic_event *event);

/*
 * Tells it that something went wrong and that things go on, and counts that. Of very many in a short time some are only
 * counted.
 */
void aic_conversation_tell_error(struct aic_conversation *conversation, const char *message);

/* `text` as a line of `most` bytes at the most: itself, or a copy that is valid until the next one is made. */
const char *aic_conversation_line(struct aic_conversation *conversation, const char *text, size_t most);

/*
 * Something from outside was beyond that bound: counts it, and says it the first time; before an attempt begins, when
 * one does.
 */
void aic_conversation_beyond(struct aic_conversation *conversation, enum aic_bound bound);
void aic_conversation_tell_bounds(struct aic_conversation *conversation);

#endif
