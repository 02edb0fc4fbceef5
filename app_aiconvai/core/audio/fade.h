/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Audio that is broken off, or begins, in the middle of a sound: without a ramp that is a click. Pure functions.
 */
#ifndef AIC_FADE_H
#define AIC_FADE_H

#include "audio_format.h"

/* Long enough not to be heard as a click, and short enough to be silent at once. */
#define AIC_FADE_MS 10

/* Makes a frame fall silent within AIC_FADE_MS of its beginning; the rest of it is silence. `length` in bytes. */
void aic_fade_out(struct aic_audio_format format, uint8_t *frame, size_t length);

/* Makes it begin from silence, and be as loud as it is after AIC_FADE_MS. */
void aic_fade_in(struct aic_audio_format format, uint8_t *frame, size_t length);

#endif
