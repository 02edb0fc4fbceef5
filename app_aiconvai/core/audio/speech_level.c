/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "speech_level.h"

#include "energy.h"

/* -52 dBFS, as the mean square of samples: what is below it is nobody who speaks into a telephone. */
#define LEAST_SPEECH 6775

/* -65 dBFS: a line that is quieter, or sends digital silence, is as good as one without noise. */
#define LEAST_NOISE 340

/* 12 dB. */
#define SPEECH_OVER_NOISE 16

/* 1 s / ln 2: what is taken for noise rises by 3 dB in each second that is louder. */
#define RISE_US UINT64_C(1442695)

void aic_speech_level_init(struct aic_speech_level *level)
{
	level->noise = LEAST_SPEECH;
}

bool aic_speech_level_is_speech(struct aic_speech_level *level, uint64_t mean_square, uint64_t duration_us)
{
	uint64_t noise = level->noise;

	if (mean_square < noise) {
		level->noise = mean_square > LEAST_NOISE ? mean_square : LEAST_NOISE;
	} else {
		uint64_t risen = noise + noise * duration_us / RISE_US;

		level->noise = risen < mean_square ? risen : mean_square;
	}
	return mean_square >= LEAST_SPEECH && mean_square >= SPEECH_OVER_NOISE * noise;
}

double aic_speech_level_noise_dbfs(const struct aic_speech_level *level)
{
	struct aic_energy energy = {.square_sum = level->noise, .samples = 1};

	return aic_energy_dbfs(&energy);
}
