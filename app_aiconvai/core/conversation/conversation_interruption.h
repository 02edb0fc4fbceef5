/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whether the caller interrupts the agent. Who has been heard to make a sound may have coughed, or said "mm-hmm": the
 * agent is paused at once, and nothing of what it has to say is thrown away, until it is known. Words decide it, an
 * answer of the agent's to them, a tool that it calls, or that the caller's voice (near_voice.h) goes on. Where nothing
 * of the kind comes the agent goes on, from the last quiet place.
 *
 * What is told too late, because a service's words come slowly, still ends what the agent went on with.
 */
#ifndef AIC_CONVERSATION_INTERRUPTION_H
#define AIC_CONVERSATION_INTERRUPTION_H

#include "audio_format.h"
#include "events.h"
#include "near_voice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;

/* What a service says that the agent got to say, should it have been interrupted. */
struct aic_correction {
	char *text; /* owned; NULL: nothing */
	uint64_t turn;
	int64_t event_id; /* the provider's */
};

/* What has to be heard to its end, since a tool was called whose section says interruptible = no. */
enum aic_protection {
	AIC_PROTECTION_NONE,
	AIC_PROTECTION_CALLED,   /* the tool has not answered */
	AIC_PROTECTION_ANSWERED, /* and the agent has not spoken since */
	AIC_PROTECTION_HEARD,    /* it speaks */
};

struct aic_barge_in {
	bool is_forbidden;  /* by the host */
	enum aic_protection protection;
	bool undecided;     /* the agent is paused */
	/* what is void if it is an interruption; AIC_EVENT_ID_NONE: none is in question, or the service has not said */
	int64_t event_id;
	uint64_t since_us;  /* it was paused */
	struct aic_near_voice voice;
	uint64_t speech_us; /* of the caller since then, or since he was silent for long */
	uint64_t voiced_us; /* of that, with a pitch */
	uint64_t speech_until_us; /* the last of that */
	struct aic_correction correction;
};

/* Whether audio of the agent's may change something: it comes 50 times a second, and mostly does not. */
static inline bool aic_interruption_minds_audio(const struct aic_barge_in *barge_in)
{
	return barge_in->event_id != AIC_EVENT_ID_NONE || barge_in->protection != AIC_PROTECTION_NONE;
}

void aic_barge_in_free(struct aic_barge_in *barge_in);

/* Whether what the agent says now may be interrupted. */
bool aic_interruption_is_allowed(const struct aic_conversation *conversation);

/* The caller is heard, so that everything up to and including `event_id` may be void. */
void aic_interruption_suspected(struct aic_conversation *conversation, int64_t event_id);

/* The caller was told from the agent's own voice: the service will hear it, and say so. */
void aic_interruption_heard(struct aic_conversation *conversation);

/*
 * Whether what comes from the line may decide it: while the agent is paused, and when it has gone on though the service
 * says that the caller speaks, where the agent's own voice is told from the caller's.
 */
bool aic_interruption_minds_caller(const struct aic_conversation *conversation);

/* What decides it: what is heard then, in the line's format; `is_speech`: if loudness says so. */
void aic_interruption_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length, bool is_speech);
void aic_interruption_words(struct aic_conversation *conversation, const char *text, bool is_final, uint64_t said_us);
void aic_interruption_agent_audio(struct aic_conversation *conversation, int64_t event_id);
void aic_interruption_tool_call(struct aic_conversation *conversation);

/* The agent calls a tool of which what it says then has to be heard; all that were called are answered. */
void aic_interruption_protect(struct aic_conversation *conversation);
void aic_interruption_tools_done(struct aic_conversation *conversation);

/* What the agent says has to be heard from now on, if it is so: who had begun to interrupt it does not. */
void aic_interruption_look(struct aic_conversation *conversation);

/* A correction is kept until it is known whether it is one. Returns false where that is known. */
bool aic_interruption_keeps(struct aic_conversation *conversation, uint64_t turn, const char *text, int64_t event_id);

/* It was none, or nobody is there any more who could say: the agent goes on. */
void aic_interruption_withdraw(struct aic_conversation *conversation);

/* The service that said so is not there any more: what it took for void is heard, and what comes is no answer to it. */
void aic_interruption_forget(struct aic_conversation *conversation);

/* Everything up to that event id was removed for another reason: there is nothing to be decided about it. */
void aic_interruption_overtaken(struct aic_conversation *conversation, int64_t event_id);

uint64_t aic_interruption_due(const struct aic_conversation *conversation);
bool aic_interruption_attend(struct aic_conversation *conversation);

#endif
