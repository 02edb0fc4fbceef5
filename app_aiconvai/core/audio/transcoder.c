/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "transcoder.h"

#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>

/* Samples handled at once: bounds the scratch space, whatever a service sends in one message. */
#define BLOCK_SAMPLES 320

/* What a block becomes at the most: 8 kHz to 48 kHz is the widest step. */
#define OUT_SAMPLES (BLOCK_SAMPLES * 6 + 16)

/*
 * The filter's delay is not skipped (speex_resampler_skip_zeros()): the first 20 ms would become less than a frame, and
 * everything after them would wait for the next.
 *
 * speexdsp's scale goes from 0 to 10, 4 is its default: 64-tap filters, flat to 3.4 kHz at a rate of 8 kHz, more than
 * 80 dB of stop-band attenuation, some ten microseconds for 20 ms. 3 loses 1 dB at 3.4 kHz.
 */
#define RESAMPLER_QUALITY 4

struct aic_transcoder {
	struct aic_audio_format from, to;
	SpeexResamplerState *resampler; /* NULL: equal rates */
	uint8_t odd_byte;               /* first half of a linear sample whose second half has not come yet */
	bool has_odd_byte;
	bool holds; /* sound of the stream is in the resampler's filter */
	int16_t in_samples[BLOCK_SAMPLES];
	int16_t out_samples[OUT_SAMPLES];
	/* The resampler counts in floats; its own way from and to integers takes twice the instructions of ours. */
	float in_floats[BLOCK_SAMPLES];
	float out_floats[OUT_SAMPLES];
};

struct aic_transcoder *aic_transcoder_new(struct aic_audio_format from, struct aic_audio_format to)
{
	struct aic_transcoder *transcoder;
	int error = 0;

	if (!from.rate || !to.rate || !(transcoder = calloc(1, sizeof(*transcoder)))) {
		return NULL;
	}
	transcoder->from = from;
	transcoder->to = to;
	if (from.rate != to.rate) {
		transcoder->resampler = speex_resampler_init(1, from.rate, to.rate, RESAMPLER_QUALITY, &error);
		if (!transcoder->resampler) {
			free(transcoder);
			return NULL;
		}
	}
	return transcoder;
}

void aic_transcoder_free(struct aic_transcoder *transcoder)
{
	if (!transcoder) {
		return;
	}
	if (transcoder->resampler) {
		speex_resampler_destroy(transcoder->resampler);
	}
	free(transcoder);
}

void aic_transcoder_reset(struct aic_transcoder *transcoder)
{
	transcoder->has_odd_byte = transcoder->holds = false;
	if (transcoder->resampler) {
		speex_resampler_reset_mem(transcoder->resampler);
	}
}

/* Appends `count` linear samples to `out` in the target encoding. */
static int append_samples(struct aic_transcoder *transcoder, const int16_t *samples, size_t count,
	struct aic_buffer *out)
{
	size_t bytes = count * aic_sample_bytes(transcoder->to);
	uint8_t *to = aic_buffer_reserve(out, bytes);

	if (!to) {
		return -1;
	}
	aic_format_encode(transcoder->to, samples, count, to);
	out->length += bytes;
	return 0;
}

/*
 * The nearest sample; what the filter made louder than full scale is full scale. Cutting off what follows the point is
 * rounding, in a number that is not negative and half too large.
 */
static inline int16_t to_sample(float value)
{
	int sample = (int) (value + 32768.5f);

	return (int16_t) ((sample < 0 ? 0 : sample > 65535 ? 65535 : sample) - 32768);
}

static int resample_and_append(struct aic_transcoder *transcoder, size_t count, struct aic_buffer *out)
{
	size_t done = 0;

	if (!transcoder->resampler) {
		return append_samples(transcoder, transcoder->in_samples, count, out);
	}
	transcoder->holds = transcoder->holds || count;
	for (size_t i = 0; i < count; i++) {
		transcoder->in_floats[i] = transcoder->in_samples[i];
	}
	while (done < count) {
		spx_uint32_t in_count = (spx_uint32_t) (count - done);
		spx_uint32_t out_count = OUT_SAMPLES;

		if (speex_resampler_process_float(transcoder->resampler, 0, transcoder->in_floats + done, &in_count,
				transcoder->out_floats, &out_count) != RESAMPLER_ERR_SUCCESS) {
			return -1;
		}
		for (size_t i = 0; i < out_count; i++) {
			transcoder->out_samples[i] = to_sample(transcoder->out_floats[i]);
		}
		if (append_samples(transcoder, transcoder->out_samples, out_count, out)) {
			return -1;
		}
		if (!in_count && !out_count) {
			return -1;
		}
		done += in_count;
	}
	return 0;
}

static int run_linear(struct aic_transcoder *transcoder, const uint8_t *in, size_t length, struct aic_buffer *out)
{
	while (length) {
		uint8_t *samples = (uint8_t *) transcoder->in_samples;
		size_t filled = 0, take;

		if (transcoder->has_odd_byte) {
			samples[filled++] = transcoder->odd_byte;
			transcoder->has_odd_byte = false;
		}
		take = sizeof(transcoder->in_samples) - filled;
		if (take > length) {
			take = length;
		}
		memcpy(samples + filled, in, take);
		filled += take;
		in += take;
		length -= take;
		if (filled % 2) {
			transcoder->odd_byte = samples[--filled];
			transcoder->has_odd_byte = true;
		}
		if (resample_and_append(transcoder, filled / 2, out)) {
			return -1;
		}
	}
	return 0;
}

bool aic_transcoder_passes_through(const struct aic_transcoder *transcoder)
{
	return transcoder->from.encoding != AIC_ENCODING_PCM16 && aic_format_equal(transcoder->from, transcoder->to);
}

int aic_transcoder_run(struct aic_transcoder *transcoder, const uint8_t *in, size_t length, struct aic_buffer *out)
{
	if (aic_transcoder_passes_through(transcoder)) {
		return aic_buffer_append(out, in, length);
	}
	if (transcoder->from.encoding == AIC_ENCODING_PCM16) {
		return run_linear(transcoder, in, length, out);
	}
	while (length) {
		size_t count = length < BLOCK_SAMPLES ? length : BLOCK_SAMPLES;

		aic_format_decode(transcoder->from, in, count, transcoder->in_samples);
		if (resample_and_append(transcoder, count, out)) {
			return -1;
		}
		in += count;
		length -= count;
	}
	return 0;
}

uint32_t aic_transcoder_delay(const struct aic_transcoder *transcoder)
{
	return transcoder->resampler ? (uint32_t) speex_resampler_get_input_latency(transcoder->resampler) : 0;
}

bool aic_transcoder_holds(const struct aic_transcoder *transcoder)
{
	return transcoder->holds;
}

int aic_transcoder_finish(struct aic_transcoder *transcoder, struct aic_buffer *out)
{
	size_t left = transcoder->holds ? aic_transcoder_delay(transcoder) : 0;
	int result = 0;

	memset(transcoder->in_samples, 0, sizeof(transcoder->in_samples));
	while (left && !result) {
		size_t count = left < BLOCK_SAMPLES ? left : BLOCK_SAMPLES;

		result = resample_and_append(transcoder, count, out);
		left -= count;
	}
	aic_transcoder_reset(transcoder);
	return result;
}
