/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "audiosocket_message.h"

#include <string.h>

/* From AIC_AUDIOSOCKET_AUDIO on. */
static const uint32_t rates[] = {8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000};

uint32_t aic_audiosocket_rate(uint8_t kind)
{
	return kind >= AIC_AUDIOSOCKET_AUDIO && kind <= AIC_AUDIOSOCKET_AUDIO_LAST ? rates[kind - AIC_AUDIOSOCKET_AUDIO]
		: 0;
}

uint8_t aic_audiosocket_kind_of_rate(uint32_t rate)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		if (rates[i] == rate) {
			return (uint8_t) (AIC_AUDIOSOCKET_AUDIO + i);
		}
	}
	return AIC_AUDIOSOCKET_TERMINATE;
}

void aic_audiosocket_put_header(uint8_t header[AIC_AUDIOSOCKET_HEADER], uint8_t kind, size_t length)
{
	header[0] = kind;
	header[1] = (uint8_t) (length >> 8);
	header[2] = (uint8_t) length;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Whether a payload of that kind may be so long; of audio any is. */
static bool is_known(uint8_t kind, size_t length)
{
	switch (kind) {
	case AIC_AUDIOSOCKET_UUID:
		return length == AIC_UUID_BYTES;
	case AIC_AUDIOSOCKET_DTMF:
	case AIC_AUDIOSOCKET_ERROR:
		return length <= 1;
	case AIC_AUDIOSOCKET_TERMINATE:
		return !length;
	default:
		return aic_audiosocket_rate(kind);
	}
}

/* Reads whole samples of audio. A byte that is half of one waits for the other. */
static void take_audio(struct aic_audiosocket_reader *reader, const uint8_t *bytes, size_t length,
	aic_audiosocket_take_fn take, void *user)
{
	uint8_t kind = reader->header[0];

	if (reader->small_length && length) {
		reader->small[1] = *bytes++;
		length--;
		reader->small_length = 0;
		take(user, kind, reader->small, 2);
	}
	if (length % 2) {
		reader->small[0] = bytes[length - 1];
		reader->small_length = 1;
	}
	if (length / 2) {
		take(user, kind, bytes, length / 2 * 2);
	}
}

/* Reads some of a payload. */
static void take_payload(struct aic_audiosocket_reader *reader, const uint8_t *bytes, size_t length,
	aic_audiosocket_take_fn take, void *user)
{
	if (aic_audiosocket_rate(reader->header[0])) {
		take_audio(reader, bytes, length, take, user);
		return;
	}
	length = smaller(length, sizeof(reader->small) - reader->small_length);
	memcpy(reader->small + reader->small_length, bytes, length);
	reader->small_length += length;
}

/* A message is whole. */
static void end_message(struct aic_audiosocket_reader *reader, size_t length, aic_audiosocket_take_fn take, void *user)
{
	uint8_t kind = reader->header[0];

	if (!is_known(kind, length)) {
		reader->unknown++;
	} else if (!aic_audiosocket_rate(kind)) {
		take(user, kind, reader->small, length);
	}
	reader->header_length = reader->small_length = 0;
}

void aic_audiosocket_read(struct aic_audiosocket_reader *reader, const uint8_t *bytes, size_t length,
	aic_audiosocket_take_fn take, void *user)
{
	while (length) {
		size_t some;

		if (reader->header_length < AIC_AUDIOSOCKET_HEADER) {
			reader->header[reader->header_length++] = *bytes++;
			length--;
			reader->left = (size_t) reader->header[1] << 8 | reader->header[2];
			if (reader->header_length < AIC_AUDIOSOCKET_HEADER || reader->left) {
				continue;
			}
		}
		some = smaller(length, reader->left);
		take_payload(reader, bytes, some, take, user);
		bytes += some;
		length -= some;
		reader->left -= some;
		if (!reader->left) {
			end_message(reader, (size_t) reader->header[1] << 8 | reader->header[2], take, user);
		}
	}
}
