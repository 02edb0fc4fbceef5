/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The caller's audio on its way to the service: kept while the conversation is being set up, then turned into the
 * service's format and cut into chunks of the configured length. Not thread-safe: it belongs to a conversation.
 */
#ifndef AIC_UPLINK_H
#define AIC_UPLINK_H

#include "audio_format.h"
#include "buffer.h"
#include "energy.h"
#include "transcoder.h"

struct aic_uplink {
	struct aic_audio_format line_format; /* what the channel gives */
	struct aic_audio_format service_format; /* rate 0 until the service announced it */
	uint32_t chunk_ms;
	/* most audio kept before the service takes it, the newest (a small limit is raised afterwards) */
	uint32_t limit_ms;
	struct aic_transcoder *transcoder; /* owned; NULL until the service's format is known */
	struct aic_buffer audio; /* in line_format before, in service_format after */
	struct aic_energy energy;
	uint64_t bytes_received; /* from the channel */
	uint64_t silence_ms;     /* added in its place */
	uint64_t bytes_dropped;  /* over the limit, in the format they were kept in */
	uint64_t chunks_taken;
	uint64_t bytes_taken; /* sent to the service, before base64 */
};

void aic_uplink_init(struct aic_uplink *uplink, struct aic_audio_format line_format, uint32_t chunk_ms,
	uint32_t limit_ms);
void aic_uplink_free(struct aic_uplink *uplink);

/* Counts audio from the channel, whole samples, and measures it. */
void aic_uplink_hear(struct aic_uplink *uplink, const uint8_t *bytes, size_t length);

/* Takes such audio, for the service. Returns 0, or -1 when memory is short (this audio is lost). */
int aic_uplink_add(struct aic_uplink *uplink, const uint8_t *bytes, size_t length);

/*
 * Adds silence in the caller's place, where the channel gives nothing. It is not counted as received. Returns as above.
 */
int aic_uplink_add_silence(struct aic_uplink *uplink, uint32_t ms);

/* The service takes `format` from now on; what was kept is converted. Returns 0, or -1 when memory is short. */
int aic_uplink_start(struct aic_uplink *uplink, struct aic_audio_format format);

/*
 * The service is gone: from now on audio is kept for the next one. What it had not taken is dropped. Nothing happens
 * where it was gone before.
 */
void aic_uplink_stop(struct aic_uplink *uplink);

/*
 * Bytes of the next whole chunk, 0 when there is none (or the format is not known yet); with `is_last` of less than a
 * whole one, too. It stays until dropped.
 */
size_t aic_uplink_chunk(const struct aic_uplink *uplink, bool is_last);
void aic_uplink_drop_chunk(struct aic_uplink *uplink, size_t length);

#endif
