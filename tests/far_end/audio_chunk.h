/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A piece of audio on its way through a conversation.
 */
#ifndef FAR_END_AUDIO_CHUNK_H
#define FAR_END_AUDIO_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audio_chunk {
	const uint8_t *bytes; /* somebody else's */
	size_t length;
	bool is_base64; /* `bytes` are characters of base64 (RFC 4648 section 4, padded), not terminated */
};

#endif
