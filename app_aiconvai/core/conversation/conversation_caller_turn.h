/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * When the caller speaks and when he has finished, where it is decided here and not by the service (option turns). A
 * turn begins with a voice: 100 ms that are louder than the line's noise, 60 of which have a pitch. A cough, a door
 * and noise begin none. It ends after vad_silence_duration_ms without speech. The service is sent the audio of turns
 * and nothing else; what was said before it was known to be one is kept, and sent first.
 */
#ifndef AIC_CONVERSATION_CALLER_TURN_H
#define AIC_CONVERSATION_CALLER_TURN_H

#include "buffer.h"
#include "near_voice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;

struct aic_caller_turn {
	bool is_on;       /* the service has been told that the caller speaks */
	bool is_over;     /* and is told that he has finished, once it has all of what he said */
	uint64_t began_us;
	uint64_t spoke_us; /* his last moment of speech */
	struct aic_near_voice voice;
	uint64_t loud_us, voiced_us; /* of what may be the beginning of a turn */
	struct aic_buffer kept;
};

void aic_caller_turn_init(struct aic_caller_turn *turn);
void aic_caller_turn_free(struct aic_caller_turn *turn);

/* Whether what comes now, audio or the silence in its place, is for the service. */
bool aic_caller_turn_is_sent(const struct aic_conversation *conversation);

/*
 * Audio of the caller's, in the line's format, that the service may have; `is_speech`: whether loudness says so. Where
 * it is no part of a turn it is kept, and nothing else happens.
 */
void aic_caller_turn_hears(struct aic_conversation *conversation, const uint8_t *bytes, size_t length, bool is_speech);

/* A session of the service begins, which knows nothing of a turn that goes on. */
void aic_caller_turn_session(struct aic_conversation *conversation);

/* Whether the service is to be told that the caller has finished, once it has all of what he said; tells it. */
bool aic_caller_turn_is_to_finish(const struct aic_conversation *conversation);
void aic_caller_turn_finish(struct aic_conversation *conversation);

uint64_t aic_caller_turn_due(const struct aic_conversation *conversation);
bool aic_caller_turn_attend(struct aic_conversation *conversation);

#endif
