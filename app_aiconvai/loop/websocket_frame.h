/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A message as one frame of a WebSocket client (RFC 6455 section 5). libwebsockets can write frames as well, but asks
 * the kernel for each one's mask, and masks a byte at a time.
 */
#ifndef AIC_WEBSOCKET_FRAME_H
#define AIC_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIC_WEBSOCKET_MASK_BYTES 4

/* Longest header: two bytes, eight of length, the mask. */
#define AIC_WEBSOCKET_HEADER_MAX (2 + 8 + AIC_WEBSOCKET_MASK_BYTES)

/* Random bytes for the masks of the next messages: of one thread. Zeros: none are left. */
struct aic_websocket_masks {
	uint8_t bytes[256]; /* as many as getrandom() gives at once without fail */
	size_t left;
};

/*
 * Makes a frame of the message, which is masked where it lies; AIC_WEBSOCKET_HEADER_MAX bytes in front of it are free
 * for the header. Returns the header's length; 0: the system gave no random bytes, and nothing was changed.
 */
size_t aic_websocket_frame(struct aic_websocket_masks *masks, uint8_t *message, size_t length, bool binary);

#endif
