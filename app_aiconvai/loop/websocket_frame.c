/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "websocket_frame.h"

#include <string.h>
#include <sys/random.h>

/* RFC 6455 section 5.2. */
#define FINAL 0x80
#define TEXT 0x1
#define BINARY 0x2
#define MASKED 0x80
#define LENGTH_IN_16_BITS 126
#define LENGTH_IN_64_BITS 127

static bool take_mask(struct aic_websocket_masks *masks, uint8_t *mask)
{
	if (masks->left < AIC_WEBSOCKET_MASK_BYTES) {
		if (getrandom(masks->bytes, sizeof(masks->bytes), 0) != (ssize_t) sizeof(masks->bytes)) {
			return false;
		}
		masks->left = sizeof(masks->bytes);
	}
	masks->left -= AIC_WEBSOCKET_MASK_BYTES;
	memcpy(mask, masks->bytes + masks->left, AIC_WEBSOCKET_MASK_BYTES);
	return true;
}

/* Eight bytes at a time. */
static void apply_mask(const uint8_t *mask, uint8_t *bytes, size_t length)
{
	uint8_t repeated[2 * AIC_WEBSOCKET_MASK_BYTES];
	uint64_t twice, eight;
	size_t i = 0;

	memcpy(repeated, mask, AIC_WEBSOCKET_MASK_BYTES);
	memcpy(repeated + AIC_WEBSOCKET_MASK_BYTES, mask, AIC_WEBSOCKET_MASK_BYTES);
	memcpy(&twice, repeated, sizeof(twice));
	for (; i + sizeof(eight) <= length; i += sizeof(eight)) {
		memcpy(&eight, bytes + i, sizeof(eight));
		eight ^= twice;
		memcpy(bytes + i, &eight, sizeof(eight));
	}
	for (; i < length; i++) {
		bytes[i] ^= mask[i % AIC_WEBSOCKET_MASK_BYTES];
	}
}

/* The shortest that takes the length, most significant byte first. Returns how many bytes were written. */
static size_t write_length(uint8_t *at, size_t length)
{
	size_t bytes = length < LENGTH_IN_16_BITS ? 0 : length <= UINT16_MAX ? 2 : 8;

	*at++ = (uint8_t) (MASKED | (bytes == 0 ? length : bytes == 2 ? LENGTH_IN_16_BITS : LENGTH_IN_64_BITS));
	for (size_t i = bytes; i > 0; i--) {
		*at++ = (uint8_t) ((uint64_t) length >> (8 * (i - 1)));
	}
	return 1 + bytes;
}

size_t aic_websocket_frame(struct aic_websocket_masks *masks, uint8_t *message, size_t length, bool binary)
{
	uint8_t header[AIC_WEBSOCKET_HEADER_MAX];
	size_t header_length = 1;

	header[0] = FINAL | (binary ? BINARY : TEXT);
	header_length += write_length(header + 1, length);
	if (!take_mask(masks, header + header_length)) {
		return 0;
	}
	apply_mask(header + header_length, message, length);
	header_length += AIC_WEBSOCKET_MASK_BYTES;
	memcpy(message - header_length, header, header_length);
	return header_length;
}
