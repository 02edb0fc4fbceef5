/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * When OpenAI Realtime may be asked for an answer. Private to openai.c.
 *
 * The service makes one answer at a time, and may begin one by itself where the caller has finished speaking: a request
 * that meets one is refused. So a wish for an answer is kept while one is being made, while a tool that the agent
 * called has not answered, and while the caller speaks; one that was refused because the service was quicker is kept,
 * too. It is given up where the service answers by itself and knows all that the wish was for.
 *
 * Not thread-safe: it belongs to a conversation. It begins as zeros.
 */
#ifndef AIC_OPENAI_ANSWERS_H
#define AIC_OPENAI_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids that are longer are no ids of this service; they are cut, and then do not match. */
#define AIC_OPENAI_ID_MAX 128

struct aic_openai_answers {
	char active_id[AIC_OPENAI_ID_MAX]; /* the one being made; empty: none */
	bool greeting_wanted;    /* the agent is to say what it begins with */
	bool wanted;             /* it is to say something about what it was told */
	unsigned int unseen;     /* things it was told that the service has not confirmed */
	bool caller_speaks;      /* and is to be answered when that is over */
	bool disputed;           /* what the caller said, or says, may be none */
	bool owed;               /* an answer to that, if it is */
	unsigned int asked;      /* number of the latest request; 0: there was none */
	bool asked_for_greeting; /* that one did */
	bool awaited;            /* its answer has neither begun nor been refused */
	bool insisted;           /* it repeats one that was refused although no answer was being made that we know of */
};

enum aic_openai_request {
	AIC_OPENAI_REQUEST_NONE,
	AIC_OPENAI_REQUEST_GREETING,
	AIC_OPENAI_REQUEST_ANSWER,
};

/*
 * What may be asked for now, with the number `asked`; `open_tools` calls of the agent's are not answered. It is taken
 * to be sent.
 */
enum aic_openai_request aic_openai_answers_ask(struct aic_openai_answers *answers, size_t open_tools);

/* An answer has begun (NULL: without an id), or is over. */
void aic_openai_answers_begun(struct aic_openai_answers *answers, const char *id);
void aic_openai_answers_done(struct aic_openai_answers *answers, const char *id);

/* Whether `id` is that of the answer that is being made. */
bool aic_openai_answers_is_active(const struct aic_openai_answers *answers, const char *id);

/* The request of that number was refused; `busy`: because an answer is being made. */
void aic_openai_answers_refused(struct aic_openai_answers *answers, unsigned int number, bool busy);

/*
 * An answer was refused because one is being made, and nothing says whose: it may be the service's own to what the
 * caller said.
 */
void aic_openai_answers_collided(struct aic_openai_answers *answers);

/* Something that the service will confirm was sent; it was confirmed. */
void aic_openai_answers_told(struct aic_openai_answers *answers);
void aic_openai_answers_confirmed(struct aic_openai_answers *answers);

/* The caller begins to speak; disputed: while the agent does, and it is not decided what it was. */
void aic_openai_answers_caller_speaks(struct aic_openai_answers *answers, bool disputed);

/*
 * Has finished. by_itself: the service begins to answer, unless it is answering already. Otherwise an answer is wished
 * for, as soon as it is known that the caller has said something.
 */
void aic_openai_answers_caller_finished(struct aic_openai_answers *answers, bool by_itself);

/* What the service has of it is nothing that it could answer. */
void aic_openai_answers_caller_said_nothing(struct aic_openai_answers *answers);

/* The caller has, and the answer that was being made is void. */
void aic_openai_answers_interrupted(struct aic_openai_answers *answers);

#endif
