/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "fade.h"

#include <string.h>

/* Samples that are scaled at a time. */
#define PART 96

/* Scales the first `length` bytes: sample n of N by n / N, or by 1 - n / N where it falls. */
static void ramp(struct aic_audio_format format, uint8_t *bytes, size_t length, bool falls)
{
	size_t width = aic_sample_bytes(format), all = length / width;

	for (size_t done = 0; done < all; done += PART) {
		size_t count = all - done < PART ? all - done : PART;
		int16_t samples[PART];

		aic_format_decode(format, bytes + done * width, count, samples);
		for (size_t i = 0; i < count; i++) {
			size_t weight = falls ? all - (done + i) : done + i;

			samples[i] = (int16_t) (samples[i] * (int64_t) weight / (int64_t) all);
		}
		aic_format_encode(format, samples, count, bytes + done * width);
	}
}

static size_t ramp_bytes(struct aic_audio_format format, size_t length)
{
	size_t bytes = aic_format_bytes(format, AIC_FADE_MS);

	return bytes < length ? bytes : length;
}

void aic_fade_out(struct aic_audio_format format, uint8_t *frame, size_t length)
{
	size_t falling = ramp_bytes(format, length);

	ramp(format, frame, falling, true);
	memset(frame + falling, aic_silence_byte(format.encoding), length - falling);
}

void aic_fade_in(struct aic_audio_format format, uint8_t *frame, size_t length)
{
	ramp(format, frame, ramp_bytes(format, length), false);
}
