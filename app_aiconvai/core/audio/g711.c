/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Both laws are piecewise linear: eight segments, each twice as steep as the one before, sixteen steps in a segment
 * (ITU-T G.711 tables 1a and 2a). The code word is sign, segment, step; what travels on the wire is that word inverted
 * (mu-law: every bit; A-law: the even bits).
 */
#include "g711.h"

#include "byte_table.h"

#define ULAW_BIAS 0x84 /* 33 in 14-bit units: makes the first segment start at a power of two */
#define ULAW_CLIP 32635
#define ULAW_ALL_BITS 0xff
#define ALAW_EVEN_BITS 0x55

/* What a code word stands for. Macros, because the tables below are constants. */
#define ULAW_SEGMENT(c) ((((c) ^ ULAW_ALL_BITS) >> 4) & 7)
#define ULAW_STEP(c) ((((c) ^ ULAW_ALL_BITS) & 0x0f) << 3)
#define ULAW_MAGNITUDE(c) (((ULAW_STEP(c) + ULAW_BIAS) << ULAW_SEGMENT(c)) - ULAW_BIAS)
#define ULAW_SAMPLE(c) ((c) & 0x80 ? ULAW_MAGNITUDE(c) : -ULAW_MAGNITUDE(c))

#define ALAW_SEGMENT(c) ((((c) ^ ALAW_EVEN_BITS) >> 4) & 7)
#define ALAW_STEP(c) (((((c) ^ ALAW_EVEN_BITS) & 0x0f) << 4) + 8)
#define ALAW_MAGNITUDE(c) (ALAW_SEGMENT(c) ? (ALAW_STEP(c) + 0x100) << ALAW_SEGMENT(c) >> 1 : ALAW_STEP(c))
#define ALAW_SAMPLE(c) ((c) & 0x80 ? ALAW_MAGNITUDE(c) : -ALAW_MAGNITUDE(c))

#define ULAW_SQUARE(c) ((uint64_t) ULAW_MAGNITUDE(c) * ULAW_MAGNITUDE(c))
#define ALAW_SQUARE(c) ((uint64_t) ALAW_MAGNITUDE(c) * ALAW_MAGNITUDE(c))

static const int16_t ulaw_samples[256] = AIC_BYTE_TABLE(ULAW_SAMPLE);
static const int16_t alaw_samples[256] = AIC_BYTE_TABLE(ALAW_SAMPLE);
static const uint64_t ulaw_squares[256] = AIC_BYTE_TABLE(ULAW_SQUARE);
static const uint64_t alaw_squares[256] = AIC_BYTE_TABLE(ALAW_SQUARE);

/* Position of the highest bit of a number that is not 0. */
static inline int highest_bit(unsigned int number)
{
	return 31 ^ __builtin_clz(number);
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
	segment = highest_bit((unsigned int) magnitude) - 7;
	return (uint8_t) ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f));
}

static uint8_t alaw_compress(int sample)
{
	/* A-law is symmetric about -1/2: negative samples are inverted, not negated, so that -1 mirrors 0. */
	int sign = sample < 0 ? 0 : 0x80;
	int magnitude = sample < 0 ? ~sample : sample;
	int segment = magnitude < 0x100 ? 0 : highest_bit((unsigned int) magnitude) - 7;
	int step = segment ? (magnitude >> (segment + 3)) & 0x0f : magnitude >> 4;

	return (uint8_t) ((sign | (segment << 4) | step) ^ ALAW_EVEN_BITS);
}

void aic_ulaw_decode(const uint8_t *in, int16_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = ulaw_samples[in[i]];
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
		out[i] = alaw_samples[in[i]];
	}
}

void aic_alaw_encode(const int16_t *in, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = alaw_compress(in[i]);
	}
}

static uint64_t sum_of(const uint64_t *squares, const uint8_t *in, size_t count)
{
	uint64_t sum = 0;

	for (; count >= 8; count -= 8, in += 8) {
		sum += squares[in[0]] + squares[in[1]] + squares[in[2]] + squares[in[3]];
		sum += squares[in[4]] + squares[in[5]] + squares[in[6]] + squares[in[7]];
	}
	while (count--) {
		sum += squares[*in++];
	}
	return sum;
}

uint64_t aic_ulaw_square_sum(const uint8_t *in, size_t count)
{
	return sum_of(ulaw_squares, in, count);
}

uint64_t aic_alaw_square_sum(const uint8_t *in, size_t count)
{
	return sum_of(alaw_squares, in, count);
}
