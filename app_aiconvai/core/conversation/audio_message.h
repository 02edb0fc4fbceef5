/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Messages that carry a chunk of audio as base64 between two texts: what every service that speaks JSON wants.
 */
#ifndef AIC_AUDIO_MESSAGE_H
#define AIC_AUDIO_MESSAGE_H

#include "buffer.h"

/* Appends `before`, the audio, `behind`. Returns 0, or -1 (nothing appended) when memory is short. */
int aic_audio_message_write(struct aic_buffer *out, const char *before, const uint8_t *audio, size_t length,
	const char *behind);

#endif
