/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "ambience.h"

#include "energy.h"

#include <math.h>
#include <string.h>

#define BLEND_MS 100
#define SHORTEST_MS 1000

/* -6 dB. */
#define DUCKED 0.5f

/* Of the way to another gain, so much a frame: two thirds of it in 200 ms. */
#define STEP 0.1f

/* No louder than by 40 dB: what is silent by itself stays so. */
#define MOST_GAIN 100.0

#define SAMPLES_MAX (AIC_FRAME_BYTES_MAX / sizeof(int16_t))

/* Returns how many samples the loop has. */
static size_t blend(int16_t *samples, size_t count, uint32_t rate)
{
	size_t blended = (size_t) rate * BLEND_MS / 1000, loop = count - blended;

	for (size_t i = 0; i < blended; i++) {
		/* Two sounds that have nothing to do with each other keep their power with these weights. */
		double rising = sqrt(((double) i + 0.5) / (double) blended), falling = sqrt(1.0 - rising * rising);
		double sum = samples[i] * rising + samples[loop + i] * falling;

		samples[i] = (int16_t) fmax(fmin(sum, INT16_MAX), INT16_MIN);
	}
	return loop;
}

void aic_ambience_make_loop(struct aic_ambience_loop *loop, int16_t *samples, size_t count, uint32_t rate)
{
	struct aic_energy energy = {.samples = 0};

	if (count >= (size_t) rate * SHORTEST_MS / 1000) {
		count = blend(samples, count, rate);
	}
	aic_energy_add(&energy, AIC_ENCODING_PCM16, (const uint8_t *) samples, count * sizeof(*samples));
	*loop = (struct aic_ambience_loop) {.samples = samples, .count = count, .level_dbfs = aic_energy_dbfs(&energy)};
}

void aic_ambience_init(struct aic_ambience *ambience, struct aic_audio_format format,
	const struct aic_ambience_loop *loop, double level_dbfs)
{
	float gain = (float) fmin(pow(10.0, (level_dbfs - loop->level_dbfs) / 20.0), MOST_GAIN);

	*ambience = (struct aic_ambience) {.format = format, .loop = loop, .gain = gain, .most_gain = gain};
}

/* The next of it, as loud as it is to be from now on, is added to `linear`. */
static void mix(struct aic_ambience *ambience, int16_t *linear, size_t count, float wanted)
{
	const struct aic_ambience_loop *loop = ambience->loop;
	float from = ambience->gain, to = from + (wanted - from) * STEP;

	for (size_t i = 0; i < count; i++) {
		float gain = from + (to - from) * (float) (i + 1) / (float) count;
		long sum = linear[i] + lrintf((float) loop->samples[ambience->at] * gain);

		linear[i] = (int16_t) (sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
		ambience->at = ambience->at + 1 < loop->count ? ambience->at + 1 : 0;
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
