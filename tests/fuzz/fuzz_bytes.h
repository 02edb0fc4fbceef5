/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a fuzzer has made up, taken from its front; zeros behind its end.
 */
#ifndef FUZZ_BYTES_H
#define FUZZ_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_bytes *bytes)
{
	if (!bytes->left) {
		return 0;
	}
	bytes->left--;
	return *bytes->at++;
}

/* The low byte comes first. */
static inline uint16_t fuzz_u16(struct fuzz_bytes *bytes)
{
	uint16_t low = fuzz_byte(bytes);

	return (uint16_t) (low | fuzz_byte(bytes) << 8);
}

/* So many, or as many as there are: `*length` becomes how many. */
static inline const uint8_t *fuzz_take(struct fuzz_bytes *bytes, size_t *length)
{
	const uint8_t *taken = bytes->at;

	if (*length > bytes->left) {
		*length = bytes->left;
	}
	bytes->at += *length;
	bytes->left -= *length;
	return taken;
}

#endif
