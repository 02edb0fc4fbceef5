/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How much later the agent's voice comes back by the line: the time to the telephone and back, its buffers, codecs and
 * the way through the room. Found in half a second of the agent's speech by how alike what was sent and what came are,
 * and watched from then on. Not thread-safe: it belongs to a call.
 *
 * A look costs as much as 100 ms of a call, and most callers have no echo: where there is nothing to find it is looked
 * for as seldom as it is watched.
 */
#ifndef AIC_BULK_DELAY_H
#define AIC_BULK_DELAY_H

#include "fft.h"

#include <stdbool.h>

struct aic_bulk_delay {
	float sums[AIC_CORRELATION_LAGS];
	bool known;
	unsigned int samples;   /* the delay, where it is known */
	unsigned int candidate; /* where the last looks agree */
	unsigned int agreed;    /* so many */
	unsigned int in_vain;   /* looks since two agreed */
};

void aic_bulk_delay_init(struct aic_bulk_delay *delay);

/*
 * Looks once, at the last AIC_CORRELATION_NEAR samples of what came and the last AIC_CORRELATION_FAR of what was sent.
 * Returns whether the delay is another than before.
 */
bool aic_bulk_delay_look(struct aic_bulk_delay *delay, struct aic_fft *fft, const float *near, const float *far);

/*
 * Where the delay is known, looks at nothing but those samples: whether the agent's voice comes back clearly, but at
 * another time than it did. That is its delay from now on.
 */
bool aic_bulk_delay_has_jumped(struct aic_bulk_delay *delay, struct aic_fft *fft, const float *near, const float *far);

/* Samples from that look to the next; `is_in_doubt`: not all that comes is the agent's voice with that delay. */
int aic_bulk_delay_pause(const struct aic_bulk_delay *delay, bool is_in_doubt);

#endif
