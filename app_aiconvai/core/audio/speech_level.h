/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whether audio is loud enough to be speech, on the line that it comes by: speech is 12 dB above the line's noise, and
 * above -52 dBFS. The noise is the quietest there was a short while ago: whoever speaks pauses, and a line that hums,
 * a car or a fan does not. Not thread-safe.
 */
#ifndef AIC_SPEECH_LEVEL_H
#define AIC_SPEECH_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

struct aic_speech_level {
	uint64_t noise; /* mean square of samples */
};

/* Nothing is known of the line: noise of -52 dBFS is assumed. */
void aic_speech_level_init(struct aic_speech_level *level);

/* Whether audio of that mean square of its samples, and so long, is. */
bool aic_speech_level_is_speech(struct aic_speech_level *level, uint64_t mean_square, uint64_t duration_us);

/* What is taken for the line's noise. */
double aic_speech_level_noise_dbfs(const struct aic_speech_level *level);

#endif
