/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Places in the agent's audio that the service wants to hear of: it is told once what is before them was heard, or
 * dropped.
 */
#ifndef AIC_CONVERSATION_MARKS_H
#define AIC_CONVERSATION_MARKS_H

#include "bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks that have not been reached; of more, which only a broken service sends, the oldest are told too soon. */
#define AIC_MARKS_MAX 64

struct aic_conversation;

struct aic_mark {
	char name[AIC_NAME_MAX + 1];
	uint64_t behind_bytes; /* of all that was ever appended to the playout queue */
};

struct aic_marks {
	struct aic_mark items[AIC_MARKS_MAX]; /* oldest first */
	size_t count;
	uint64_t due_us; /* when they are looked at; UINT64_MAX: there are none */
};

/* The service sets one behind all its audio that has come. */
void aic_marks_add(struct aic_conversation *conversation, const char *name);

/* Tells the provider of those that were reached, and sees when to look again. */
void aic_marks_look(struct aic_conversation *conversation);

/* So much is heard again before them. */
void aic_marks_put_off(struct aic_marks *marks, size_t bytes);

/* There are none, nor is anybody told of those there were. */
void aic_marks_forget(struct aic_marks *marks);

uint64_t aic_marks_due(const struct aic_conversation *conversation);
bool aic_marks_attend(struct aic_conversation *conversation);

#endif
