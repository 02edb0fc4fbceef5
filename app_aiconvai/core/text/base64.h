/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Base64 (RFC 4648 section 4): the standard alphabet, padded on output. Pure functions; safe from any thread.
 */
#ifndef AIC_BASE64_H
#define AIC_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Characters that `bytes` become, padding included, no terminator. */
#define AIC_BASE64_LENGTH(bytes) (((bytes) + 2) / 3 * 4)

/* Bytes that `characters` can become at the most. */
#define AIC_BASE64_DECODED_MAX(characters) (((characters) + 3) / 4 * 3)

/* Writes AIC_BASE64_LENGTH(length) characters to `out`, no terminator. Returns how many. */
size_t aic_base64_encode(const uint8_t *in, size_t length, char *out);

/*
 * Reads `length` characters; padding may be missing (the services differ), anything else outside the alphabet is an
 * error. `out` has room for AIC_BASE64_DECODED_MAX(length) bytes. Returns the bytes written, or -1.
 */
ssize_t aic_base64_decode(const char *in, size_t length, uint8_t *out);

/*
 * Reads a text that comes in pieces: any number of aic_base64_decoder_take(), then aic_base64_decoder_end(). Begins as
 * {0}.
 */
struct aic_base64_decoder {
	char kept[4]; /* characters of a group of four that is not complete yet */
	size_t kept_count;
};

/*
 * Reads characters up to the first one outside the alphabet, padding included: `*taken` is how many. Returns the bytes
 * written to `out`, which has room for AIC_BASE64_DECODED_MAX(length + 3).
 */
size_t aic_base64_decoder_take(struct aic_base64_decoder *decoder, const char *in, size_t length, uint8_t *out,
	size_t *taken);

/*
 * The text ends with these `length` characters, of which the first is none of the alphabet: right padding, or none at
 * all. Writes up to 2 bytes. Returns how many, or -1 where the text is not base64. The decoder is as at the beginning
 * then.
 */
ssize_t aic_base64_decoder_end(struct aic_base64_decoder *decoder, const char *in, size_t length, uint8_t *out);

#endif
