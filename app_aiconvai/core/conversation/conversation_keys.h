/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The keys that the caller presses. People press them as numbers: they are collected until the terminator comes, there
 * are as many as are wanted, or the caller pauses; the agent is told of all of them at once, where each by itself would
 * be a turn that cuts it short. A protocol that has a message for a key gets each at once.
 */
#ifndef AIC_CONVERSATION_KEYS_H
#define AIC_CONVERSATION_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;

/* Keys that are kept until the agent is told; what is more is told apart. */
#define AIC_PRESSED_MAX 64

struct aic_keys {
	char pressed[AIC_PRESSED_MAX + 1]; /* numbers that wait for the conversation to begin have a blank between them */
	size_t count;    /* of them */
	size_t told;     /* of these, the first that a protocol with a message for each has been told */
	bool complete;   /* the last number is */
	uint64_t due_us; /* when nothing more is waited for */
};

/* Whether that key says that a number is complete (the option dtmf_terminator). */
bool aic_keys_is_terminator(const struct aic_conversation *conversation, char key);

/* The conversation is active: what was pressed before may be told. */
void aic_keys_begin(struct aic_conversation *conversation);

/* Tells of a number when the caller has paused. */
uint64_t aic_keys_due(const struct aic_conversation *conversation);
bool aic_keys_attend(struct aic_conversation *conversation);

#endif
