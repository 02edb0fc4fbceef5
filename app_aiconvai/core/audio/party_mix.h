/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Two parties of a call as one stream of audio, for who can take only one. The first party's audio keeps the time: what
 * came of the second one's meanwhile is added to it. Where the first one sends nothing the second one's goes alone. Not
 * thread-safe.
 */
#ifndef AIC_PARTY_MIX_H
#define AIC_PARTY_MIX_H

#include "audio_format.h"
#include "buffer.h"

/*
 * The second party's audio waits for the first one's for so long: the jitter between two telephones. Then the first one
 * is taken for silent, or, where it is heard, what came too early for it is left out.
 */
#define AIC_PARTY_WAITS_MS 60

struct aic_party_mix {
	struct aic_audio_format format; /* of both */
	struct aic_buffer waiting;      /* of the second party */
	struct aic_buffer mixed;        /* what was given out last */
	size_t alone_bytes;             /* of the second party, since the first one was heard */
	uint64_t dropped_bytes;         /* of the second party, in all */
};

void aic_party_mix_init(struct aic_party_mix *mix, struct aic_audio_format format);
void aic_party_mix_clear(struct aic_party_mix *mix);

/*
 * The second party was heard: whole samples. Returns audio that is to go on by itself, of `*given` bytes (0: it waits),
 * valid until the next call; where memory is short this audio is lost.
 */
const uint8_t *aic_party_mix_second(struct aic_party_mix *mix, const uint8_t *bytes, size_t length, size_t *given);

/*
 * The first party was heard. Returns as many bytes, with the second party's added: valid until the next call, and
 * `bytes` itself where there is nothing to add, or memory is short.
 */
const uint8_t *aic_party_mix_first(struct aic_party_mix *mix, const uint8_t *bytes, size_t length);

#endif
