/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * AudioSocket's messages, as Asterisk sends and takes them (res/res_audiosocket.c): a kind, the length of the payload
 * in two bytes, most significant first, the payload. Audio is signed linear of 16 bits, least significant byte first.
 * Without a socket: bytes come in whatever pieces there are.
 */
#ifndef AIC_AUDIOSOCKET_MESSAGE_H
#define AIC_AUDIOSOCKET_MESSAGE_H

#include "door.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum aic_audiosocket_kind {
	AIC_AUDIOSOCKET_TERMINATE = 0x00, /* to Asterisk: the end */
	AIC_AUDIOSOCKET_UUID = 0x01,      /* the first message: which call it is */
	AIC_AUDIOSOCKET_DTMF = 0x03,      /* a key was let go: its character */
	AIC_AUDIOSOCKET_AUDIO = 0x10,     /* 8 kHz; up to 0x18 of other rates */
	AIC_AUDIOSOCKET_AUDIO_LAST = 0x18,
	AIC_AUDIOSOCKET_ERROR = 0xff,
};

#define AIC_AUDIOSOCKET_HEADER 3

/* Reads a stream of them. Begins as zeros. */
struct aic_audiosocket_reader {
	uint8_t header[AIC_AUDIOSOCKET_HEADER];
	size_t header_length;
	size_t left;   /* of the payload that is coming */
	uint8_t small[AIC_UUID_BYTES]; /* a payload that is no audio; or the first half of a sample */
	size_t small_length;
	uint64_t unknown; /* messages of a kind that nobody knows, or as long as none should be */
};

/* Takes a message; of audio whole samples, as they come, which need not be all of a message. */
typedef void (*aic_audiosocket_take_fn)(void *user, uint8_t kind, const uint8_t *payload, size_t length);

/* Reads what came. `take` is called for each message, or part of one. */
void aic_audiosocket_read(struct aic_audiosocket_reader *reader, const uint8_t *bytes, size_t length,
	aic_audiosocket_take_fn take, void *user);

/* The rate of a kind of audio; 0: it is none. */
uint32_t aic_audiosocket_rate(uint8_t kind);

/* The kind of audio of that rate; TERMINATE where there is none. */
uint8_t aic_audiosocket_kind_of_rate(uint32_t rate);

/* Writes the header of a message in front of its payload. */
void aic_audiosocket_put_header(uint8_t header[AIC_AUDIOSOCKET_HEADER], uint8_t kind, size_t length);

#endif
