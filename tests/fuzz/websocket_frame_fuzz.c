/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whatever message is sent, wherever it lies and however long it is: its frame is that of RFC 6455 (section 5.2), a
 * server reads the same message from it, and nothing but the room in front of it is written to.
 */
#include "websocket_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNTOUCHED 0xA5

static void require(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* As a server does. Returns where the message begins. */
static const uint8_t *read_header(const uint8_t *frame, bool binary, size_t length, uint8_t *mask)
{
	size_t bytes = (frame[1] & 0x7F) == 126 ? 2 : (frame[1] & 0x7F) == 127 ? 8 : 0;
	uint64_t said = bytes ? 0 : frame[1] & 0x7F;

	require(frame[0] == (0x80 | (binary ? 0x2 : 0x1)) && frame[1] & 0x80);
	for (size_t i = 0; i < bytes; i++) {
		said = said << 8 | frame[2 + i];
	}
	require(said == length && (bytes == 0 || said > (bytes == 2 ? 125 : UINT16_MAX)));
	memcpy(mask, frame + 2 + bytes, AIC_WEBSOCKET_MASK_BYTES);
	return frame + 2 + bytes + AIC_WEBSOCKET_MASK_BYTES;
}

/* The first byte: the kind, how long the message is made by saying it again, and where it lies. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct aic_websocket_masks masks;
	uint8_t mask[AIC_WEBSOCKET_MASK_BYTES];
	size_t times, shift, length, header;
	const uint8_t *read;
	uint8_t *memory, *message;

	if (size < 1) {
		return 0;
	}
	times = data[0] & 0x10 ? 300 : 1;
	shift = data[0] & 0x7;
	length = (size - 1) * times;
	memory = malloc(shift + AIC_WEBSOCKET_HEADER_MAX + length);
	require(memory);
	memset(memory, UNTOUCHED, shift + AIC_WEBSOCKET_HEADER_MAX);
	message = memory + shift + AIC_WEBSOCKET_HEADER_MAX;
	for (size_t i = 0; i < length; i++) {
		message[i] = data[1 + i % (size - 1)];
	}
	header = aic_websocket_frame(&masks, message, length, data[0] & 0x8);
	require(header >= 2 + AIC_WEBSOCKET_MASK_BYTES && header <= AIC_WEBSOCKET_HEADER_MAX);
	for (uint8_t *at = memory; at < message - header; at++) {
		require(*at == UNTOUCHED);
	}
	read = read_header(message - header, data[0] & 0x8, length, mask);
	require(read == message);
	for (size_t i = 0; i < length; i++) {
		require((read[i] ^ mask[i % AIC_WEBSOCKET_MASK_BYTES]) == data[1 + i % (size - 1)]);
	}
	free(memory);
	return 0;
}
