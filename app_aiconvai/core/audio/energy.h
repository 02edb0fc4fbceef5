/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How loud a stream of audio is: what tells an operator "the caller is silent" from "the service hears nothing".
 */
#ifndef AIC_ENERGY_H
#define AIC_ENERGY_H

#include "audio_format.h"

struct aic_energy {
	uint64_t square_sum; /* of linear samples; good for four days of the loudest at 48 kHz */
	uint64_t samples;
};

/* Adds `length` bytes of whole samples. */
void aic_energy_add(struct aic_energy *energy, enum aic_encoding encoding, const uint8_t *bytes, size_t length);

/*
 * Root mean square relative to full scale, in dB: 0 is the loudest square wave, -3.01 a full-scale sine; -99 when
 * silent or empty.
 */
double aic_energy_dbfs(const struct aic_energy *energy);

#endif
