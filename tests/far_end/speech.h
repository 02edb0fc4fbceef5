/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What agents say, in every format that a service has, played round and round.
 */
#ifndef FAR_END_SPEECH_H
#define FAR_END_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum speech_format {
	SPEECH_ULAW_8000, /* mu-law at 8 kHz */
	SPEECH_PCM_16000, /* 16-bit little-endian samples at 16 kHz */
	SPEECH_PCM_24000, /* 16-bit little-endian samples at 24 kHz */
	SPEECH_FORMATS,
};

/* Most bytes of one millisecond, whatever the format. */
#define SPEECH_BYTES_PER_MS_MAX 48

size_t speech_bytes_per_ms(enum speech_format format);

/*
 * Reads the file, raw mu-law at 8 kHz, and makes the other formats of it. Returns 0, or -1 after a line on standard
 * error.
 */
int speech_load(const char *path);
bool speech_is_loaded(void);
void speech_free(void);

/* Copies `length` bytes from `*position` on, and moves it on. */
void speech_take(enum speech_format format, size_t *position, uint8_t *to, size_t length);

#endif
