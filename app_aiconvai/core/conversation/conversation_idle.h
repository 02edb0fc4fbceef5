/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A caller who says nothing is asked, then said goodbye to. The time stands still while the agent would not be heard.
 */
#ifndef AIC_CONVERSATION_IDLE_H
#define AIC_CONVERSATION_IDLE_H

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

struct aic_idle_pause {
	unsigned int reasons; /* why it stands still, each until its aic_idle_resume() */
	uint64_t since_us;    /* of the first of them */
};

void aic_idle_pause(struct aic_conversation *conversation);
void aic_idle_resume(struct aic_conversation *conversation);

/* The time as those know it who wait for a party to be heard. */
uint64_t aic_idle_clock(const struct aic_conversation *conversation);

/* Whether something of what the agent has said is still being heard. */
bool aic_idle_agent_is_heard(const struct aic_conversation *conversation);

/* Words of the caller came: whoever it is that is loud is there. */
void aic_idle_words(struct aic_conversation *conversation, const char *text);

uint64_t aic_idle_due(const struct aic_conversation *conversation);
bool aic_idle_attend(struct aic_conversation *conversation);

#endif
