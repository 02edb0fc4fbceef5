/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "idle_audio.h"

#include <math.h>
#include <string.h>

#define FULL_SCALE 32768.0

void aic_idle_audio_init(struct aic_idle_audio *idle, struct aic_audio_format format, double level_dbfs, uint32_t seed)
{
	*idle = (struct aic_idle_audio) {.format = format, .noise = seed ? seed : 1};
	if (level_dbfs > AIC_IDLE_SILENCE_DBFS) {
		/* Evenly distributed within +-a, the root mean square is a / sqrt(3). */
		double amplitude = sqrt(3.0) * FULL_SCALE * pow(10.0, level_dbfs / 20.0);

		idle->amplitude = (int32_t) fmin(amplitude, FULL_SCALE - 1);
	}
}

/* Marsaglia, "Xorshift RNGs", 2003: all 32-bit numbers but 0, each once. */
static uint32_t next_noise(uint32_t noise)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise;
}

static void make_noise(struct aic_idle_audio *idle, int16_t *samples, size_t count)
{
	uint32_t width = 2 * (uint32_t) idle->amplitude + 1;

	for (size_t i = 0; i < count; i++) {
		idle->noise = next_noise(idle->noise);
		samples[i] = (int16_t) ((int32_t) (((uint64_t) idle->noise * width) >> 32) - idle->amplitude);
	}
}

void aic_idle_audio_next(struct aic_idle_audio *idle, uint8_t *frame)
{
	int16_t samples[AIC_FRAME_BYTES_MAX / sizeof(int16_t)];
	size_t bytes = aic_format_bytes(idle->format, AIC_FRAME_MS), count = bytes / aic_sample_bytes(idle->format);

	if (idle->ambience.loop) {
		aic_ambience_next(&idle->ambience, frame);
		return;
	}
	if (!idle->amplitude) {
		memset(frame, aic_silence_byte(idle->format.encoding), bytes);
		return;
	}
	make_noise(idle, samples, count);
	aic_format_encode(idle->format, samples, count, frame);
}
