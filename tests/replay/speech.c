/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "speech.h"

/* A voice of 125 Hz, in syllables of a quarter of a second. */
#define PITCHES_A_SECOND 125
#define SYLLABLES_A_SECOND 4

/* How far into the present one of `a_second` periods, from 0 to 65535. */
static int32_t phase_of(const struct speech *speech, uint32_t a_second)
{
	return (int32_t) ((uint64_t) speech->position * a_second * 65536 / speech->rate % 65536);
}

void speech_samples(struct speech *speech, int16_t *samples, size_t count)
{
	for (size_t i = 0; i < count; i++, speech->position++) {
		int32_t syllable = phase_of(speech, SYLLABLES_A_SECOND);
		int32_t loudness = syllable < 32768 ? syllable : 65535 - syllable;
		int32_t voice = phase_of(speech, PITCHES_A_SECOND) - 32768;
		int32_t breath;

		/* Numerical Recipes' linear congruential generator. */
		speech->noise = speech->noise * 1664525 + 1013904223;
		breath = (int32_t) (speech->noise >> 16) - 32768;
		samples[i] = (int16_t) ((voice / 2 + breath / 8) * (loudness / 64) / 1024);
	}
}
