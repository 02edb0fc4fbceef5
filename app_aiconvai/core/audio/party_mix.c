/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "party_mix.h"

/* Samples that are mixed at a time. */
#define PART 160

void aic_party_mix_init(struct aic_party_mix *mix, struct aic_audio_format format)
{
	*mix = (struct aic_party_mix) {.format = format};
}

void aic_party_mix_clear(struct aic_party_mix *mix)
{
	aic_buffer_free(&mix->waiting);
	aic_buffer_free(&mix->mixed);
	*mix = (struct aic_party_mix) {.format = mix->format};
}

static int16_t saturated(int32_t sample)
{
	return (int16_t) (sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : sample);
}

/* Adds `other` to `bytes`, `length` of each. */
static void add(struct aic_audio_format format, uint8_t *bytes, const uint8_t *other, size_t length)
{
	size_t width = aic_sample_bytes(format);

	while (length >= width) {
		size_t count = length / width < PART ? length / width : PART;
		int16_t samples[PART], more[PART];

		aic_format_decode(format, bytes, count, samples);
		aic_format_decode(format, other, count, more);
		for (size_t i = 0; i < count; i++) {
			samples[i] = saturated(samples[i] + more[i]);
		}
		aic_format_encode(format, samples, count, bytes);
		bytes += count * width;
		other += count * width;
		length -= count * width;
	}
}

const uint8_t *aic_party_mix_second(struct aic_party_mix *mix, const uint8_t *bytes, size_t length, size_t *given)
{
	size_t limit = aic_format_bytes(mix->format, AIC_PARTY_WAITS_MS), beyond;

	*given = 0;
	if (aic_buffer_append(&mix->waiting, bytes, length)) {
		return NULL;
	}
	mix->alone_bytes += length;
	if (mix->waiting.length <= limit) {
		return NULL;
	}
	beyond = mix->waiting.length - limit;
	mix->mixed.length = 0;
	if (mix->alone_bytes > limit && !aic_buffer_append(&mix->mixed, mix->waiting.bytes, beyond)) {
		*given = beyond;
	} else {
		mix->dropped_bytes += beyond;
	}
	aic_buffer_drop_front(&mix->waiting, beyond);
	return mix->mixed.bytes;
}

const uint8_t *aic_party_mix_first(struct aic_party_mix *mix, const uint8_t *bytes, size_t length)
{
	size_t both = length < mix->waiting.length ? length : mix->waiting.length;

	mix->alone_bytes = 0;
	mix->mixed.length = 0;
	if (!both || aic_buffer_append(&mix->mixed, bytes, length)) {
		return bytes;
	}
	add(mix->format, mix->mixed.bytes, mix->waiting.bytes, both);
	aic_buffer_drop_front(&mix->waiting, both);
	return mix->mixed.bytes;
}
