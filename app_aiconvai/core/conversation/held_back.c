/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "held_back.h"

#include "conversation_state.h"

void aic_hold_back(struct aic_conversation *conversation, struct aic_buffer *kept, uint32_t most_ms,
	const uint8_t *bytes, size_t length)
{
	struct aic_audio_format format = conversation->stats.line_format;
	size_t most = aic_format_bytes(format, most_ms);

	if (aic_buffer_append(kept, bytes, length)) {
		conversation->stats.errors++;
		return;
	}
	if (kept->length > most) {
		uint32_t beyond_ms = (uint32_t) aic_format_ms(format, kept->length - most);

		aic_silence_take_place(conversation, beyond_ms);
		aic_buffer_drop_front(kept, aic_format_bytes(format, beyond_ms));
	}
}
