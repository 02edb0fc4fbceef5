/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "ambience.h"

#include <math.h>
#include <string.h>

#define FULL_SCALE 32768.0

#define BLEND_MS 100
#define SHORTEST_MS 1000

/* -6 dB. */
#define DUCKED 0.5f

/* Of the way to another gain, so much a frame: two thirds of it in 200 ms. */
#define STEP 0.1f

/* No louder than by 40 dB: what is silent by itself stays so. */
#define MOST_GAIN 100.0

#define SAMPLES_MAX (AIC_FRAME_BYTES_MAX / sizeof(int16_t))

void aic_ambience_close_loop(int16_t *samples, size_t *count, uint32_t rate)
{
	size_t blend = (size_t) rate * BLEND_MS / 1000, loop = *count - blend;

	if (*count < (size_t) rate * SHORTEST_MS / 1000) {
		return;
	}
	for (size_t i = 0; i < blend; i++) {
		/* Two sounds that have nothing to do with each other keep their power with these weights. */
		double rising = sqrt(((double) i + 0.5) / (double) blend), falling = sqrt(1.0 - rising * rising);
		double sum = samples[i] * rising + samples[loop + i] * falling;

		samples[i] = (int16_t) fmax(fmin(sum, INT16_MAX), INT16_MIN);
	}
	*count = loop;
}

void aic_ambience_init(struct aic_ambience *ambience, struct aic_audio_format format, const int16_t *samples,
	size_t count, double level_dbfs)
{
	double sum = 0, rms;

	for (size_t i = 0; i < count; i++) {
		sum += (double) samples[i] * samples[i];
	}
	rms = count ? sqrt(sum / (double) count) : 0;
	*ambience = (struct aic_ambience) {.format = format, .samples = samples, .count = count};
	ambience->most_gain = rms > 0 ? (float) fmin(FULL_SCALE * pow(10.0, level_dbfs / 20.0) / rms, MOST_GAIN) : 0.0f;
	ambience->gain = ambience->most_gain;
}

/* The next of it, as loud as it is to be from now on, is added to `linear`. */
static void mix(struct aic_ambience *ambience, int16_t *linear, size_t count, float wanted)
{
	float from = ambience->gain, to = from + (wanted - from) * STEP;

	for (size_t i = 0; i < count; i++) {
		float gain = from + (to - from) * (float) (i + 1) / (float) count;
		long sum = linear[i] + lrintf((float) ambience->samples[ambience->at] * gain);

		linear[i] = (int16_t) (sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
		ambience->at = ambience->at + 1 < ambience->count ? ambience->at + 1 : 0;
	}
	ambience->gain = to;
}

void aic_ambience_next(struct aic_ambience *ambience, uint8_t *frame)
{
	size_t count = aic_format_bytes(ambience->format, AIC_FRAME_MS) / aic_sample_bytes(ambience->format);
	int16_t linear[SAMPLES_MAX];

	memset(linear, 0, sizeof(linear));
	mix(ambience, linear, count, ambience->most_gain);
	aic_format_encode(ambience->format, linear, count, frame);
}

void aic_ambience_add(struct aic_ambience *ambience, uint8_t *bytes, size_t length)
{
	size_t width = aic_sample_bytes(ambience->format), left = length / width;

	while (left) {
		size_t count = left < SAMPLES_MAX ? left : SAMPLES_MAX;
		int16_t linear[SAMPLES_MAX];

		aic_format_decode(ambience->format, bytes, count, linear);
		mix(ambience, linear, count, ambience->most_gain * DUCKED);
		aic_format_encode(ambience->format, linear, count, bytes);
		bytes += count * width;
		left -= count;
	}
}
