/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Samples that are spread over loud and soft as those of speech are, the same ones on every machine.
 */
#ifndef REPLAY_SPEECH_H
#define REPLAY_SPEECH_H

#include <stddef.h>
#include <stdint.h>

struct speech {
	uint32_t rate; /* samples a second */
	uint32_t position; /* samples so far */
	uint32_t noise;
};

/* Writes the next `count` linear samples. Begin with {rate, 0, 0}. */
void speech_samples(struct speech *speech, int16_t *samples, size_t count);

#endif
