/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "g722.h"

#ifdef AIC_HAVE_SPANDSP

#include "audio_format.h"

#include <spandsp/telephony.h>
/* After what it takes for granted. */
#include <spandsp/g722.h>
#include <stdlib.h>

#define BITS_A_SECOND 64000

/* Samples that are worked on at once: 20 ms. */
#define SAMPLES (AIC_G722_RATE / 1000 * AIC_FRAME_MS)

static const struct aic_audio_format linear_format = {AIC_ENCODING_PCM16, AIC_G722_RATE};

struct aic_g722 {
	g722_encode_state_t *encoder; /* owned, as the other one is */
	g722_decode_state_t *decoder;
};

bool aic_g722_is_there(void)
{
	return true;
}

struct aic_g722 *aic_g722_new(void)
{
	struct aic_g722 *g722 = calloc(1, sizeof(*g722));

	if (!g722) {
		return NULL;
	}
	g722->encoder = g722_encode_init(NULL, BITS_A_SECOND, 0);
	g722->decoder = g722_decode_init(NULL, BITS_A_SECOND, 0);
	if (!g722->encoder || !g722->decoder) {
		aic_g722_free(g722);
		return NULL;
	}
	return g722;
}

void aic_g722_free(struct aic_g722 *g722)
{
	if (!g722) {
		return;
	}
	if (g722->encoder) {
		g722_encode_free(g722->encoder);
	}
	if (g722->decoder) {
		g722_decode_free(g722->decoder);
	}
	free(g722);
}

size_t aic_g722_encode(struct aic_g722 *g722, const uint8_t *linear, size_t length, uint8_t *coded)
{
	int16_t samples[SAMPLES];
	size_t written = 0;

	for (size_t left = length / AIC_G722_RATIO * 2; left;) {
		size_t count = left < SAMPLES ? left : SAMPLES;

		aic_format_decode(linear_format, linear, count, samples);
		written += (size_t) g722_encode(g722->encoder, coded + written, samples, (int) count);
		linear += count * 2;
		left -= count;
	}
	return written;
}

size_t aic_g722_decode(struct aic_g722 *g722, const uint8_t *coded, size_t length, uint8_t *linear)
{
	int16_t samples[SAMPLES];
	size_t written = 0;

	while (length) {
		size_t some = length < SAMPLES / 2 ? length : SAMPLES / 2;
		size_t count = (size_t) g722_decode(g722->decoder, samples, coded, (int) some);

		aic_format_encode(linear_format, samples, count, linear + written);
		written += count * 2;
		coded += some;
		length -= some;
	}
	return written;
}

#else

bool aic_g722_is_there(void)
{
	return false;
}

struct aic_g722 *aic_g722_new(void)
{
	return NULL;
}

void aic_g722_free(struct aic_g722 *g722)
{
	(void) g722;
}

size_t aic_g722_encode(struct aic_g722 *g722, const uint8_t *linear, size_t length, uint8_t *coded)
{
	(void) g722, (void) linear, (void) length, (void) coded;
	return 0;
}

size_t aic_g722_decode(struct aic_g722 *g722, const uint8_t *coded, size_t length, uint8_t *linear)
{
	(void) g722, (void) coded, (void) length, (void) linear;
	return 0;
}

#endif
