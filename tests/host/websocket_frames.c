/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Frames as the loop sends them, written to standard output.
 *
 *     websocket_frames text|binary LENGTH ...
 *
 * A message of each length: the bytes 0, 1, ... 250, 0, 1, ...
 */
#include "websocket_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD 251

static struct aic_websocket_masks masks;

static int put(size_t length, bool binary)
{
	uint8_t *room = malloc(AIC_WEBSOCKET_HEADER_MAX + length), *message;
	size_t header, written;

	if (!room) {
		return -1;
	}
	message = room + AIC_WEBSOCKET_HEADER_MAX;
	for (size_t i = 0; i < length; i++) {
		message[i] = (uint8_t) (i % PERIOD);
	}
	header = aic_websocket_frame(&masks, message, length, binary);
	written = fwrite(message - header, 1, header + length, stdout);
	free(room);
	return header && written == header + length ? 0 : -1;
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (put(strtoul(argv[i], NULL, 10), !strcmp(argv[1], "binary"))) {
			return 1;
		}
	}
	return 0;
}
