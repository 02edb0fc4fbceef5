/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What agents say: raw mu-law at 8 kHz, played round and round.
 */
#ifndef FAR_END_SPEECH_H
#define FAR_END_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one millisecond. */
#define SPEECH_BYTES_PER_MS 8

/* Reads the file. Returns 0, or -1 after a line on standard error. */
int speech_load(const char *path);
bool speech_is_loaded(void);
void speech_free(void);

/* Copies `length` bytes from `*position` on, and moves it on. */
void speech_take(size_t *position, uint8_t *to, size_t length);

#endif
