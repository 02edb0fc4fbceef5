/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The answer that a caller who has spoken waits for. How long it took is told with the first of its audio. Where none
 * comes the caller hears after a while that somebody is there (the host is told), then the agent is asked to answer,
 * then another session is opened, which knows what was said; and if that does not answer either the dialplan has the
 * call. The time stands still while a tool runs and while the agent would not be heard.
 */
#ifndef AIC_CONVERSATION_ANSWER_H
#define AIC_CONVERSATION_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

/* What is done next where no answer comes. */
enum aic_answer_step {
	AIC_ANSWER_NUDGE,
	AIC_ANSWER_REOPEN,
	AIC_ANSWER_GIVE_UP,
};

struct aic_answer {
	bool awaited;
	uint64_t since_us;  /* the caller has spoken, or the last step was taken */
	enum aic_answer_step step;
	bool thinking;      /* the host knows that the caller waits */
	bool has_words;     /* the agent has answered in words, of which nothing was heard */
	uint64_t began_us;  /* when the agent was heard to begin, the last time; 0: never */
	unsigned int turns; /* times it was */
};

/* Words of the caller came, begun to be said at that time. What is said while the agent goes on speaking is none. */
void aic_answer_expect(struct aic_conversation *conversation, uint64_t said_us);

/* The caller has interrupted the agent, or something was told to it in the caller's place. */
void aic_answer_expect_now(struct aic_conversation *conversation);

/* Audio of the agent is about to be queued: it has answered. */
void aic_answer_came(struct aic_conversation *conversation);

/* Words of the agent came, of which the audio may have come, is to come, or is missing. */
void aic_answer_has_words(struct aic_conversation *conversation);

/* Nothing is to be said about what the caller said last, or a tool was answered in silence. */
void aic_answer_forget(struct aic_conversation *conversation);

/* No tool runs any more: from now on there is time to answer. */
void aic_answer_wait_anew(struct aic_conversation *conversation);

/* Another session has begun: the same, and one that was opened for an answer is asked for it. */
void aic_answer_ask_session(struct aic_conversation *conversation);

uint64_t aic_answer_due(const struct aic_conversation *conversation);
bool aic_answer_attend(struct aic_conversation *conversation);

#endif
