/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "near_voice.h"

#include "microseconds.h"

#include <math.h>
#include <string.h>

#define RATE 8000
#define PIECE 160
#define MOST_FACTOR 6

/* Voices: 70 to 400 Hz. */
#define SHORTEST_PERIOD (RATE / 400)
#define LONGEST_PERIOD (RATE / 70)

/*
 * How alike a sound is to itself one period later, 1 at the most. Of what a voice says two thirds are above this; a
 * cough is for 20 ms of it at the most, a slammed door for 40.
 */
#define PITCHED 0.5f

/* -24 dBFS: who speaks into a telephone, until it is known. */
#define USUAL_LOUDNESS 4270000

/* 12 dB. */
#define NEAR 16

/* Between and within words. */
#define LONGEST_GAP_US (200 * US_PER_MS)

/* From less than this of speech it is not told how loud somebody is. */
#define ENOUGH_MS 300

void aic_near_voice_init(struct aic_near_voice *voice)
{
	*voice = (struct aic_near_voice) {.loudness = USUAL_LOUDNESS};
}

void aic_near_voice_understood(struct aic_near_voice *voice, uint32_t rate)
{
	if (voice->samples_heard * 1000 >= (uint64_t) ENOUGH_MS * rate) {
		voice->loudness = voice->square_sum / voice->samples_heard;
		voice->square_sum = voice->samples_heard = 0;
	}
}

void aic_near_voice_begin(struct aic_near_voice *voice)
{
	memset(voice->samples, 0, sizeof(voice->samples));
	voice->fresh = 0;
	voice->gap_us = UINT64_MAX / 2;
}

/* Appends samples at 8 kHz, or near it: the mean of `factor` in the place of each. */
static void append(struct aic_near_voice *voice, const int16_t *linear, size_t count, size_t factor)
{
	int16_t *to = voice->samples + AIC_PITCH_SAMPLES - count;

	memmove(voice->samples, voice->samples + count, (AIC_PITCH_SAMPLES - count) * sizeof(*voice->samples));
	for (size_t i = 0; i < count; i++) {
		int32_t sum = 0;

		for (size_t k = 0; k < factor; k++) {
			sum += linear[i * factor + k];
		}
		to[i] = (int16_t) (sum / (int32_t) factor);
	}
	voice->fresh += count;
}

static bool has_pitch(const struct aic_near_voice *voice)
{
	float samples[AIC_PITCH_SAMPLES], energy[AIC_PITCH_SAMPLES + 1] = {0}; /* the second: of all before */

	for (size_t i = 0; i < AIC_PITCH_SAMPLES; i++) {
		samples[i] = voice->samples[i];
		energy[i + 1] = energy[i] + samples[i] * samples[i];
	}
	for (size_t period = SHORTEST_PERIOD; period <= LONGEST_PERIOD; period++) {
		float earlier = energy[AIC_PITCH_SAMPLES - period], later = energy[AIC_PITCH_SAMPLES] - energy[period];
		float product = 0;

		for (size_t i = 0; i + period < AIC_PITCH_SAMPLES; i++) {
			product += samples[i] * samples[i + period];
		}
		if (product > 0 && product > PITCHED * sqrtf(earlier * later)) {
			return true;
		}
	}
	return false;
}

static uint64_t mean_square(const struct aic_near_voice *voice)
{
	const int16_t *last = voice->samples + AIC_PITCH_SAMPLES - PIECE;
	uint64_t sum = 0;

	for (size_t i = 0; i < PIECE; i++) {
		sum += (uint64_t) (last[i] * last[i]);
	}
	return sum / PIECE;
}

void aic_near_voice_look(struct aic_near_voice *voice, struct aic_audio_format format, const uint8_t *bytes,
	size_t length, bool is_loud, uint64_t *near_us, uint64_t *voiced_us)
{
	size_t factor = format.rate > RATE ? format.rate / RATE : 1, left = length / aic_sample_bytes(format) / factor;
	int16_t linear[PIECE * MOST_FACTOR];

	if (!format.rate || factor > MOST_FACTOR) {
		return;
	}
	while (left) {
		size_t room = PIECE - voice->fresh, count = left < room ? left : room;

		aic_format_decode(format, bytes, count * factor, linear);
		append(voice, linear, count, factor);
		bytes += count * factor * aic_sample_bytes(format);
		left -= count;
		if (voice->fresh == PIECE) {
			uint64_t piece_us = PIECE * factor * US_PER_SECOND / format.rate;

			voice->fresh = 0;
			if (is_loud && mean_square(voice) * NEAR >= voice->loudness) {
				*near_us += piece_us + (voice->gap_us <= LONGEST_GAP_US ? voice->gap_us : 0);
				*voiced_us += has_pitch(voice) ? piece_us : 0;
				voice->gap_us = 0;
			} else {
				voice->gap_us += piece_us;
			}
		}
	}
}
