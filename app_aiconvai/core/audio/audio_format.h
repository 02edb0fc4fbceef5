/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Audio formats the engine can carry: mono, G.711 or 16-bit little-endian linear.
 */
#ifndef AIC_AUDIO_FORMAT_H
#define AIC_AUDIO_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum aic_encoding {
	AIC_ENCODING_ULAW,  /* ITU-T G.711 mu-law, one byte a sample */
	AIC_ENCODING_ALAW,  /* ITU-T G.711 A-law, one byte a sample */
	AIC_ENCODING_PCM16, /* signed 16-bit little-endian, two bytes a sample */
};

struct aic_audio_format {
	enum aic_encoding encoding;
	uint32_t rate; /* samples a second; 0: not known yet */
};

/* Length of one packet on the channel, in milliseconds. Everything is paced by it. */
#define AIC_FRAME_MS 20
#define AIC_FRAME_US (AIC_FRAME_MS * 1000)

/* Largest frame of AIC_FRAME_MS in any supported format: 48 kHz linear. */
#define AIC_FRAME_BYTES_MAX 1920

/* Most bytes of a sample. */
#define AIC_SAMPLE_BYTES_MAX 2

static inline size_t aic_sample_bytes(struct aic_audio_format format)
{
	return format.encoding == AIC_ENCODING_PCM16 ? 2 : 1;
}

/* Bytes of `ms` milliseconds, whole samples, rounded down. */
static inline size_t aic_format_bytes(struct aic_audio_format format, uint32_t ms)
{
	return (size_t) ((uint64_t) format.rate * ms / 1000) * aic_sample_bytes(format);
}

/* Milliseconds in `bytes`, rounded down; 0 for an unknown rate. */
static inline uint64_t aic_format_ms(struct aic_audio_format format, uint64_t bytes)
{
	return format.rate ? bytes / aic_sample_bytes(format) * 1000 / format.rate : 0;
}

static inline bool aic_format_equal(struct aic_audio_format a, struct aic_audio_format b)
{
	return a.encoding == b.encoding && a.rate == b.rate;
}

/* The byte that is silence in an encoding: what a short last frame is filled with. */
static inline uint8_t aic_silence_byte(enum aic_encoding encoding)
{
	switch (encoding) {
	case AIC_ENCODING_ULAW:
		return 0xff;
	case AIC_ENCODING_ALAW:
		return 0xd5;
	case AIC_ENCODING_PCM16:
	default:
		return 0x00;
	}
}

/* Writes `count` linear samples in the format's encoding: aic_sample_bytes() of each. */
void aic_format_encode(struct aic_audio_format format, const int16_t *samples, size_t count, uint8_t *bytes);

/* Reads `count` samples of the format as linear ones. */
void aic_format_decode(struct aic_audio_format format, const uint8_t *bytes, size_t count, int16_t *samples);

/*
 * Writes the name people know the format by, in the form the services use ("ulaw_8000", "pcm_16000"), or "unknown".
 * Returns `buffer`, always terminated.
 */
const char *aic_format_name(struct aic_audio_format format, char *buffer, size_t size);

/*
 * Reads such a name ("ulaw_8000", "alaw_8000", "pcm_8000" ... "pcm_48000"). Returns 0, or -1 and leaves `format` as it
 * is.
 */
int aic_format_parse(const char *name, struct aic_audio_format *format);

#endif
