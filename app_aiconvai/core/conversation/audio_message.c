/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "audio_message.h"

#include "base64.h"

#include <string.h>

int aic_audio_message_write(struct aic_buffer *out, const char *before, const uint8_t *audio, size_t length,
	const char *behind)
{
	size_t before_length = strlen(before), behind_length = strlen(behind);
	size_t text_length = before_length + AIC_BASE64_LENGTH(length) + behind_length;
	uint8_t *to = aic_buffer_reserve(out, text_length);

	if (!to) {
		return -1;
	}
	/* A message has a length and no terminator. */
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(to, before, before_length);
	to += before_length;
	to += aic_base64_encode(audio, length, (char *) to);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(to, behind, behind_length);
	out->length += text_length;
	return 0;
}
