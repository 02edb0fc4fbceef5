/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What goes to the caller while nobody says anything: silence, or comfort noise, so that a line does not sound dead, or
 * a sound that goes on under the whole call. The noise is white and of one level, and follows from the seed alone.
 */
#ifndef AIC_IDLE_AUDIO_H
#define AIC_IDLE_AUDIO_H

#include "ambience.h"
#include "audio_format.h"

/* The level that stands for silence. */
#define AIC_IDLE_SILENCE_DBFS (-99.0)

struct aic_idle_audio {
	struct aic_audio_format format;
	int32_t amplitude; /* of the noise, whose samples are evenly distributed; 0: silence */
	uint32_t noise;    /* what the next sample is made from; never 0 */
	struct aic_ambience ambience; /* in the place of all that, and under the agent too, if it has a loop */
};

/*
 * `level_dbfs`: root mean square relative to full scale, as aic_energy_dbfs() has it; AIC_IDLE_SILENCE_DBFS or less:
 * silence. Calls that are heard together should have seeds of their own.
 */
void aic_idle_audio_init(struct aic_idle_audio *idle, struct aic_audio_format format, double level_dbfs, uint32_t seed);

/* The next AIC_FRAME_MS: as many bytes as aic_format_bytes() has for it. */
void aic_idle_audio_next(struct aic_idle_audio *idle, uint8_t *frame);

#endif
