/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Brings speech to one level: services, voices and languages differ by 15 dB, and a line has one volume. The level is
 * that of what is spoken (pauses do not count), over the last two seconds of it; from the first piece on, which is
 * looked at before any of it is passed on. What would be too loud for the format is held below full scale, block by
 * block, so that nothing is clipped.
 *
 * Not thread-safe: it belongs to a call.
 */
#ifndef AIC_LEVELLER_H
#define AIC_LEVELLER_H

#include "audio_format.h"

struct aic_leveller {
	struct aic_audio_format format;
	float target;    /* mean square of samples between -1 and 1 */
	float level;     /* of what was spoken, likewise */
	float spoken_ms; /* as far as it is known, AIC_LEVELLER_MEMORY_MS at the most; 0: nothing was spoken */
	float gain;      /* at the end of what was passed on last */
};

#define AIC_LEVELLER_MEMORY_MS 2000

/* `level_dbfs`: root mean square of speech, relative to full scale. */
void aic_leveller_init(struct aic_leveller *leveller, struct aic_audio_format format, double level_dbfs);

/* The next piece of the audio, whole samples, in place. */
void aic_leveller_run(struct aic_leveller *leveller, uint8_t *bytes, size_t length);

#endif
