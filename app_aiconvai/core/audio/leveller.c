/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "leveller.h"

#include <math.h>
#include <string.h>

#define FULL_SCALE 32768.0f

/* -50 dBFS: what is below it is a pause. */
#define SPOKEN 1e-5f

/* 20 dB: who is softer is not made all that loud, nor is the noise between the words. */
#define MOST_GAIN 10.0f

/* -1 dBFS: no sample is louder. */
#define MOST_PEAK 0.89f

/* The gain is of one value at the end of each block, and moves evenly within. */
#define BLOCK_MS 5
#define BLOCK_SAMPLES_MAX (48 * BLOCK_MS)

/* Of the way to another gain, so much a block: two thirds of it in 100 ms. */
#define STEP 0.05f

void aic_leveller_init(struct aic_leveller *leveller, struct aic_audio_format format, double level_dbfs)
{
	*leveller = (struct aic_leveller) {.format = format, .target = (float) pow(10.0, level_dbfs / 10.0), .gain = 1.0f};
}

struct block {
	float samples[BLOCK_SAMPLES_MAX];
	size_t count;
	float mean_square, peak;
};

static void read_block(const struct aic_leveller *leveller, const uint8_t *bytes, size_t length, struct block *block)
{
	int16_t samples[BLOCK_SAMPLES_MAX];
	float sum = 0.0f;

	block->count = length / aic_sample_bytes(leveller->format);
	block->peak = 0.0f;
	aic_format_decode(leveller->format, bytes, block->count, samples);
	for (size_t i = 0; i < block->count; i++) {
		float sample = samples[i] / FULL_SCALE;

		block->samples[i] = sample;
		sum += sample * sample;
		block->peak = fmaxf(block->peak, fabsf(sample));
	}
	block->mean_square = block->count ? sum / (float) block->count : 0.0f;
}

/* What is known of the speech's level, with this. */
static void listen(struct aic_leveller *leveller, const struct block *block)
{
	float ms = 1000.0f * (float) block->count / (float) leveller->format.rate;

	if (block->mean_square >= SPOKEN) {
		leveller->spoken_ms = fminf(leveller->spoken_ms + ms, AIC_LEVELLER_MEMORY_MS);
		leveller->level += (block->mean_square - leveller->level) * ms / leveller->spoken_ms;
	}
}

static float wanted_gain(const struct aic_leveller *leveller)
{
	float gain = leveller->spoken_ms > 0.0f ? sqrtf(leveller->target / leveller->level) : 1.0f;

	return fminf(fmaxf(gain, 1.0f / MOST_GAIN), MOST_GAIN);
}

static void write_block(const struct aic_leveller *leveller, const struct block *block, float from, float to,
	uint8_t *bytes)
{
	int16_t samples[BLOCK_SAMPLES_MAX];

	for (size_t i = 0; i < block->count; i++) {
		float sample = block->samples[i] * (from + (to - from) * (float) (i + 1) / (float) block->count);

		/* Only where a block begins louder than it may end. */
		sample = fminf(fmaxf(sample, -MOST_PEAK), MOST_PEAK);
		samples[i] = (int16_t) lrintf(sample * FULL_SCALE);
	}
	aic_format_encode(leveller->format, samples, block->count, bytes);
}

static void pass_on(struct aic_leveller *leveller, uint8_t *bytes, size_t length)
{
	struct block block;
	float gain;

	read_block(leveller, bytes, length, &block);
	gain = leveller->gain + (wanted_gain(leveller) - leveller->gain) * STEP;
	if (block.peak * gain > MOST_PEAK) {
		gain = MOST_PEAK / block.peak;
	}
	write_block(leveller, &block, fminf(leveller->gain, block.peak > 0.0f ? MOST_PEAK / block.peak : MOST_GAIN), gain,
		bytes);
	leveller->gain = gain;
}

void aic_leveller_run(struct aic_leveller *leveller, uint8_t *bytes, size_t length)
{
	size_t block_bytes = aic_format_bytes(leveller->format, BLOCK_MS);
	bool is_first = leveller->spoken_ms <= 0.0f;
	struct block block;

	for (size_t at = 0; block_bytes && at < length; at += block_bytes) {
		read_block(leveller, bytes + at, length - at < block_bytes ? length - at : block_bytes, &block);
		listen(leveller, &block);
	}
	if (is_first) {
		leveller->gain = wanted_gain(leveller);
	}
	for (size_t at = 0; block_bytes && at < length; at += block_bytes) {
		pass_on(leveller, bytes + at, length - at < block_bytes ? length - at : block_bytes);
	}
}
