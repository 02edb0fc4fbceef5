/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "uplink.h"

#include <string.h>

void aic_uplink_init(struct aic_uplink *uplink, struct aic_audio_format line_format, uint32_t chunk_ms,
	uint32_t limit_ms)
{
	memset(uplink, 0, sizeof(*uplink));
	uplink->line_format = line_format;
	uplink->chunk_ms = chunk_ms;
	uplink->limit_ms = limit_ms;
}

void aic_uplink_free(struct aic_uplink *uplink)
{
	aic_transcoder_free(uplink->transcoder);
	aic_buffer_free(&uplink->audio);
}

/*
 * Most audio kept at the least while the service takes it, beside the chunk being filled: a host that is late by some
 * frames loses nothing even where no audio is to be kept before.
 */
#define BACKLOG_MS 2000

/* Drops the oldest audio where more is kept than the limit. */
static void enforce_limit(struct aic_uplink *uplink)
{
	struct aic_audio_format format = uplink->transcoder ? uplink->service_format : uplink->line_format;
	uint32_t least_ms = uplink->transcoder ? uplink->chunk_ms + BACKLOG_MS : 0;
	size_t limit = aic_format_bytes(format, uplink->limit_ms > least_ms ? uplink->limit_ms : least_ms);

	if (uplink->audio.length > limit) {
		uplink->bytes_dropped += uplink->audio.length - limit;
		aic_buffer_drop_front(&uplink->audio, uplink->audio.length - limit);
	}
}

static int append(struct aic_uplink *uplink, const uint8_t *bytes, size_t length)
{
	if (uplink->transcoder) {
		return aic_transcoder_run(uplink->transcoder, bytes, length, &uplink->audio);
	}
	return aic_buffer_append(&uplink->audio, bytes, length);
}

void aic_uplink_hear(struct aic_uplink *uplink, const uint8_t *bytes, size_t length)
{
	aic_energy_add(&uplink->energy, uplink->line_format.encoding, bytes, length);
	uplink->bytes_received += length;
}

int aic_uplink_add(struct aic_uplink *uplink, const uint8_t *bytes, size_t length)
{
	int result = append(uplink, bytes, length);

	enforce_limit(uplink);
	return result;
}

int aic_uplink_add_silence(struct aic_uplink *uplink, uint32_t ms)
{
	uint8_t silence[AIC_FRAME_BYTES_MAX];
	int result = 0;

	memset(silence, aic_silence_byte(uplink->line_format.encoding), sizeof(silence));
	uplink->silence_ms += ms;
	while (ms && !result) {
		uint32_t part = ms < AIC_FRAME_MS ? ms : AIC_FRAME_MS;

		result = append(uplink, silence, aic_format_bytes(uplink->line_format, part));
		ms -= part;
	}
	enforce_limit(uplink);
	return result;
}

int aic_uplink_start(struct aic_uplink *uplink, struct aic_audio_format format)
{
	struct aic_buffer early = uplink->audio;
	int result;

	aic_transcoder_free(uplink->transcoder);
	if (!(uplink->transcoder = aic_transcoder_new(uplink->line_format, format))) {
		return -1;
	}
	uplink->service_format = format;
	uplink->audio = (struct aic_buffer) {NULL, 0, 0};
	result = aic_transcoder_run(uplink->transcoder, early.bytes, early.length, &uplink->audio);
	aic_buffer_free(&early);
	return result;
}

void aic_uplink_stop(struct aic_uplink *uplink)
{
	if (!uplink->transcoder) {
		return;
	}
	aic_transcoder_free(uplink->transcoder);
	uplink->transcoder = NULL;
	uplink->service_format.rate = 0;
	uplink->bytes_dropped += uplink->audio.length;
	aic_buffer_drop_front(&uplink->audio, uplink->audio.length);
}

size_t aic_uplink_chunk(const struct aic_uplink *uplink, bool is_last)
{
	size_t chunk = uplink->transcoder ? aic_format_bytes(uplink->service_format, uplink->chunk_ms) : 0;

	if (uplink->audio.length >= chunk) {
		return chunk;
	}
	return is_last ? uplink->audio.length : 0;
}

void aic_uplink_drop_chunk(struct aic_uplink *uplink, size_t length)
{
	aic_buffer_drop_front(&uplink->audio, length);
	uplink->chunks_taken++;
	uplink->bytes_taken += length;
}
