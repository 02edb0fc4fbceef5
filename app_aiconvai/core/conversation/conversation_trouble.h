/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Why a call is silent or goes badly, as far as the conversation can see: each kind of it is told once, and what stands
 * at the end belongs to the reason of the end.
 */
#ifndef AIC_CONVERSATION_TROUBLE_H
#define AIC_CONVERSATION_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

/* In the order in which one hides the next. */
enum aic_trouble {
	AIC_TROUBLE_NO_CALLER_AUDIO, /* no packet comes from the caller: a firewall, NAT, the wrong address */
	AIC_TROUBLE_SILENT_CALLER,   /* packets come, and there is nothing in them: a muted microphone */
	AIC_TROUBLE_UNHEARD_CALLER,  /* the caller has spoken, and the service says nothing of it, nor to it */
	AIC_TROUBLE_SILENT_AGENT,    /* the agent's audio comes, and there is nothing in it */
	AIC_TROUBLE_AGENT_HEARS_ITSELF, /* its voice comes back by the line, and the service is to hear all that comes */
	AIC_TROUBLES,
};

/* Length of the sentence that says so, terminator included. */
#define AIC_TROUBLE_TEXT_MAX 128

struct aic_troubles {
	uint64_t due_us;       /* when they are looked for next */
	uint64_t came_us;      /* the caller's audio last came, or could begin to come */
	bool has_come;         /* some did */
	uint64_t spoken_us;    /* the caller has spoken for so long since the service last showed that it hears */
	uint64_t spoke_us;     /* and did so last */
	uint64_t signs;        /* of that; the service has shown so many */
	unsigned int told;     /* a bit for each enum aic_trouble */
	char text[AIC_TROUBLE_TEXT_MAX]; /* that one, as a sentence without a full stop; empty: none */
};

/* The service takes the caller's audio from now on. */
void aic_troubles_start(struct aic_conversation *conversation);

/* Audio came from the line, whatever is in it; the caller spoke for so long. */
void aic_troubles_audio_came(struct aic_conversation *conversation);
void aic_troubles_caller_spoke(struct aic_conversation *conversation, uint64_t duration_us);

/* "no_caller_audio", ... */
const char *aic_trouble_name(enum aic_trouble trouble);

/* Looks for them. */
uint64_t aic_troubles_due(const struct aic_conversation *conversation);
bool aic_troubles_attend(struct aic_conversation *conversation);

#endif
