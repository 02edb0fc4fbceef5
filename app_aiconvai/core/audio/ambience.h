/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A sound that goes on under a call, an office or a cafe, so that the agent's pauses do not sound dead: by itself while
 * nobody speaks, and 6 dB lower under what the agent says.
 *
 * The samples belong to the host, which may use them for many calls at once. The rest is a call's own.
 */
#ifndef AIC_AMBIENCE_H
#define AIC_AMBIENCE_H

#include "audio_format.h"

/* What calls have in common. */
struct aic_ambience_loop {
	const int16_t *samples;
	size_t count;
	double level_dbfs; /* that it has by itself */
};

struct aic_ambience {
	struct aic_audio_format format;
	const struct aic_ambience_loop *loop; /* at the format's rate; NULL: there is none */
	size_t at;       /* of the next sample */
	float gain;      /* of the last sample */
	float most_gain; /* while nobody speaks */
};

/*
 * Makes a loop of a recording, whose samples are changed and must live as long as it: the last 100 ms are blended into
 * the beginning. Less than a second is left as it is.
 */
void aic_ambience_make_loop(struct aic_ambience_loop *loop, int16_t *samples, size_t count, uint32_t rate);

/* `level_dbfs`: root mean square relative to full scale that the loop is to have. */
void aic_ambience_init(struct aic_ambience *ambience, struct aic_audio_format format,
	const struct aic_ambience_loop *loop, double level_dbfs);

/* The next AIC_FRAME_MS of it alone. */
void aic_ambience_next(struct aic_ambience *ambience, uint8_t *frame);

/* The next of it under audio of somebody who speaks, whole samples, in place. */
void aic_ambience_add(struct aic_ambience *ambience, uint8_t *bytes, size_t length);

#endif
