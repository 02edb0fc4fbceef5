/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define BAD 0xff

#define BAD8 BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD
#define BAD32 BAD8, BAD8, BAD8, BAD8

/* Value of each character of the alphabet; BAD has its top bits set, so that one OR over a group finds any bad one. */
static const uint8_t value_of[256] = {
	BAD32, BAD8, BAD, BAD, BAD, 62, BAD, BAD, BAD, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, BAD, BAD, BAD, BAD, BAD, BAD,
	BAD, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, BAD, BAD, BAD, BAD, BAD,
	BAD, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, BAD, BAD, BAD, BAD, BAD,
	BAD32, BAD32, BAD32, BAD32,
};

size_t aic_base64_encode(const uint8_t *in, size_t length, char *out)
{
	char *start = out;

	for (; length >= 3; length -= 3, in += 3) {
		uint32_t group = (uint32_t) in[0] << 16 | (uint32_t) in[1] << 8 | in[2];

		*out++ = alphabet[group >> 18];
		*out++ = alphabet[(group >> 12) & 63];
		*out++ = alphabet[(group >> 6) & 63];
		*out++ = alphabet[group & 63];
	}
	if (length) {
		uint32_t group = (uint32_t) in[0] << 16 | (length == 2 ? (uint32_t) in[1] << 8 : 0);

		*out++ = alphabet[group >> 18];
		*out++ = alphabet[(group >> 12) & 63];
		*out++ = length == 2 ? alphabet[(group >> 6) & 63] : '=';
		*out++ = '=';
	}
	return (size_t) (out - start);
}

ssize_t aic_base64_decode(const char *in, size_t length, uint8_t *out)
{
	const uint8_t *c = (const uint8_t *) in;
	uint8_t *start = out;

	/* Padding belongs only where it completes a group of four. */
	if (length && length % 4 == 0 && c[length - 1] == '=') {
		length -= c[length - 2] == '=' ? 2 : 1;
	}
	for (; length >= 4; length -= 4, c += 4) {
		uint32_t a = value_of[c[0]], b = value_of[c[1]], d = value_of[c[2]], e = value_of[c[3]];
		uint32_t group = a << 18 | b << 12 | d << 6 | e;

		if ((a | b | d | e) & 0xc0) {
			return -1;
		}
		*out++ = (uint8_t) (group >> 16);
		*out++ = (uint8_t) (group >> 8);
		*out++ = (uint8_t) group;
	}
	if (length) {
		uint32_t a = value_of[c[0]], b = length > 1 ? value_of[c[1]] : BAD, d = length > 2 ? value_of[c[2]] : 0;

		if ((a | b | d) & 0xc0) {
			return -1;
		}
		*out++ = (uint8_t) (a << 2 | b >> 4);
		if (length > 2) {
			*out++ = (uint8_t) (b << 4 | d >> 2);
		}
	}
	return out - start;
}
