/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whether somebody speaks into the telephone. A voice has a pitch, which a cough, a breath and a door have not; and who
 * speaks at the other side of the room is less loud than the caller was when his words were understood.
 *
 * Pitch is looked for where it is asked for, and costs nothing else. Not thread-safe: it belongs to a call.
 */
#ifndef AIC_NEAR_VOICE_H
#define AIC_NEAR_VOICE_H

#include "audio_format.h"
#include "energy.h"

#include <stdint.h>

/* Samples at 8 kHz in which pitch is looked for: 40 ms, two periods of the lowest voice. */
#define AIC_PITCH_SAMPLES 320

struct aic_near_voice {
	int16_t samples[AIC_PITCH_SAMPLES]; /* the last ones, oldest first */
	size_t fresh;       /* of them, not looked at yet */
	uint64_t gap_us;    /* since somebody was near */
	uint64_t loudness;  /* of the caller, as the mean square of samples of 16 bits */
	uint64_t square_sum, samples_heard; /* of what was heard since words were understood */
};

void aic_near_voice_init(struct aic_near_voice *voice);

/* Somebody spoke while the agent was silent. */
static inline void aic_near_voice_heard(struct aic_near_voice *voice, const struct aic_energy *energy)
{
	voice->square_sum += energy->square_sum;
	voice->samples_heard += energy->samples;
}

/* Those were words of the caller's: so loud is he. `rate`: of the line. */
void aic_near_voice_understood(struct aic_near_voice *voice, uint32_t rate);

/* What is heard from now on has nothing to do with what was before. */
void aic_near_voice_begin(struct aic_near_voice *voice);

/*
 * Looks at the next audio, whole samples, in pieces of 20 ms; `is_loud`: whether it may be speech at all, on that line.
 * Adds to `near_us` how long somebody was as loud as the caller, within 12 dB, with the gaps that words have, and to
 * `voiced_us` for how much of that there was a pitch.
 */
void aic_near_voice_look(struct aic_near_voice *voice, struct aic_audio_format format, const uint8_t *bytes,
	size_t length, bool is_loud, uint64_t *near_us, uint64_t *voiced_us);

#endif
