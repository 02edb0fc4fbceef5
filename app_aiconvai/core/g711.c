/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Both laws are piecewise linear: eight segments, each twice as steep as the one before, sixteen steps in a segment
 * (ITU-T G.711 tables 1a and 2a). The code word is sign, segment, step; what travels on the wire is that word inverted
 * (mu-law: every bit; A-law: the even bits).
 */
#include "g711.h"

#define ULAW_BIAS 0x84 /* 33 in 14-bit units: makes the first segment start at a power of two */
#define ULAW_CLIP 32635
#define ALAW_EVEN_BITS 0x55

static int16_t ulaw_expand(uint8_t code)
{
	int segment, magnitude;

	code = (uint8_t) ~code;
	segment = (code >> 4) & 7;
	magnitude = ((((code & 0x0f) << 3) + ULAW_BIAS) << segment) - ULAW_BIAS;
	return (int16_t) (code & 0x80 ? -magnitude : magnitude);
}

static int16_t alaw_expand(uint8_t code)
{
	int segment, magnitude;

	code ^= ALAW_EVEN_BITS;
	segment = (code >> 4) & 7;
	magnitude = ((code & 0x0f) << 4) + 8;
	if (segment) {
		magnitude = (magnitude + 0x100) << (segment - 1);
	}
	return (int16_t) (code & 0x80 ? magnitude : -magnitude);
}

/* Which of the eight segments a biased magnitude falls into: the position of its highest bit. */
static int segment_of(unsigned int magnitude, int lowest_bit)
{
	int highest = magnitude ? 31 - __builtin_clz(magnitude) : 0;

	return highest > lowest_bit ? highest - lowest_bit : 0;
}

static uint8_t ulaw_compress(int sample)
{
	int sign = sample < 0 ? 0x80 : 0;
	int magnitude = sample < 0 ? -sample : sample;
	int segment;

	if (magnitude > ULAW_CLIP) {
		magnitude = ULAW_CLIP;
	}
	magnitude += ULAW_BIAS;
	segment = segment_of((unsigned int) magnitude, 7);
	return (uint8_t) ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f));
}

static uint8_t alaw_compress(int sample)
{
	/* A-law is symmetric about -1/2: negative samples are inverted, not negated, so that -1 mirrors 0. */
	int sign = sample < 0 ? 0 : 0x80;
	int magnitude = sample < 0 ? ~sample : sample;
	int segment = segment_of((unsigned int) magnitude, 7);
	int step = segment ? (magnitude >> (segment + 3)) & 0x0f : magnitude >> 4;

	return (uint8_t) ((sign | (segment << 4) | step) ^ ALAW_EVEN_BITS);
}

void aic_ulaw_decode(const uint8_t *in, int16_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = ulaw_expand(in[i]);
	}
}

void aic_ulaw_encode(const int16_t *in, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = ulaw_compress(in[i]);
	}
}

void aic_alaw_decode(const uint8_t *in, int16_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = alaw_expand(in[i]);
	}
}

void aic_alaw_encode(const int16_t *in, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = alaw_compress(in[i]);
	}
}
