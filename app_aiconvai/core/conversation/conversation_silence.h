/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Where no audio of the caller comes (hold, mute, silence suppression) a service that takes a pause amiss is sent
 * silence in its place; one that is sent nothing may want a sign of life.
 */
#ifndef AIC_CONVERSATION_SILENCE_H
#define AIC_CONVERSATION_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

struct aic_stand_in {
	uint64_t until_us; /* when the uplink was last supplied */
	bool is_silence;   /* with silence */
	uint64_t since_us; /* when it first was, this time */
	uint64_t alive_us; /* when audio, or a sign of life in its place, was sent last */
};

/* The service takes audio from now on. */
void aic_stand_in_start(struct aic_stand_in *stand_in, uint64_t now_us);

/* The caller's came. */
void aic_stand_in_not_needed(struct aic_stand_in *stand_in, uint64_t now_us);

/* So much of what the service would have heard is silence. */
void aic_silence_take_place(struct aic_conversation *conversation, uint32_t ms);

/* Supplies silence. */
uint64_t aic_silence_due(const struct aic_conversation *conversation);
bool aic_silence_attend(struct aic_conversation *conversation);

/* Gives the sign of life. */
uint64_t aic_keep_alive_due(const struct aic_conversation *conversation);
bool aic_keep_alive_attend(struct aic_conversation *conversation);

#endif
