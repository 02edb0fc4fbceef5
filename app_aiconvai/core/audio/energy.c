/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "energy.h"

#include "g711.h"

#include <math.h>
#include <string.h>

#define SILENT_DBFS (-99.0)
#define FULL_SCALE 32768.0

void aic_energy_add(struct aic_energy *energy, enum aic_encoding encoding, const uint8_t *bytes, size_t length)
{
	switch (encoding) {
	case AIC_ENCODING_ULAW:
		energy->square_sum += aic_ulaw_square_sum(bytes, length);
		energy->samples += length;
		break;
	case AIC_ENCODING_ALAW:
		energy->square_sum += aic_alaw_square_sum(bytes, length);
		energy->samples += length;
		break;
	case AIC_ENCODING_PCM16:
		for (size_t i = 0; i + 1 < length; i += 2) {
			int16_t sample;

			memcpy(&sample, bytes + i, sizeof(sample));
			energy->square_sum += (uint64_t) (sample * sample);
		}
		energy->samples += length / 2;
		break;
	}
}

double aic_energy_dbfs(const struct aic_energy *energy)
{
	double dbfs = SILENT_DBFS;

	if (energy->square_sum) {
		dbfs = 10 * log10((double) energy->square_sum / (double) energy->samples / (FULL_SCALE * FULL_SCALE));
	}
	return dbfs > SILENT_DBFS ? dbfs : SILENT_DBFS;
}
