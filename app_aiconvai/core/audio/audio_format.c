/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "audio_format.h"

#include "g711.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	struct aic_audio_format format;
} named_formats[] = {
	{"ulaw_8000", {AIC_ENCODING_ULAW, 8000}},   {"alaw_8000", {AIC_ENCODING_ALAW, 8000}},
	{"pcm_8000", {AIC_ENCODING_PCM16, 8000}},   {"pcm_12000", {AIC_ENCODING_PCM16, 12000}},
	{"pcm_16000", {AIC_ENCODING_PCM16, 16000}}, {"pcm_22050", {AIC_ENCODING_PCM16, 22050}},
	{"pcm_24000", {AIC_ENCODING_PCM16, 24000}}, {"pcm_32000", {AIC_ENCODING_PCM16, 32000}},
	{"pcm_44100", {AIC_ENCODING_PCM16, 44100}}, {"pcm_48000", {AIC_ENCODING_PCM16, 48000}},
};

#define NAMED_FORMATS (sizeof(named_formats) / sizeof(named_formats[0]))

void aic_format_encode(struct aic_audio_format format, const int16_t *samples, size_t count, uint8_t *bytes)
{
	switch (format.encoding) {
	case AIC_ENCODING_ULAW:
		aic_ulaw_encode(samples, bytes, count);
		break;
	case AIC_ENCODING_ALAW:
		aic_alaw_encode(samples, bytes, count);
		break;
	case AIC_ENCODING_PCM16:
		memcpy(bytes, samples, count * sizeof(*samples));
		break;
	}
}

void aic_format_decode(struct aic_audio_format format, const uint8_t *bytes, size_t count, int16_t *samples)
{
	switch (format.encoding) {
	case AIC_ENCODING_ULAW:
		aic_ulaw_decode(bytes, samples, count);
		break;
	case AIC_ENCODING_ALAW:
		aic_alaw_decode(bytes, samples, count);
		break;
	case AIC_ENCODING_PCM16:
		memcpy(samples, bytes, count * sizeof(*samples));
		break;
	}
}

const char *aic_format_name(struct aic_audio_format format, char *buffer, size_t size)
{
	const char *name = "unknown";

	for (size_t i = 0; i < NAMED_FORMATS; i++) {
		if (aic_format_equal(named_formats[i].format, format)) {
			name = named_formats[i].name;
		}
	}
	snprintf(buffer, size, "%s", name);
	return buffer;
}

int aic_format_parse(const char *name, struct aic_audio_format *format)
{
	for (size_t i = 0; i < NAMED_FORMATS; i++) {
		if (!strcmp(named_formats[i].name, name)) {
			*format = named_formats[i].format;
			return 0;
		}
	}
	return -1;
}
