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
	if (encoding != AIC_ENCODING_PCM16) {
		/* Counting codes costs a fraction of decoding them, and the level is asked for rarely. */
		for (size_t i = 0; i < length; i++) {
			energy->code_counts[bytes[i]]++;
		}
		return;
	}
	for (size_t i = 0; i + 1 < length; i += 2) {
		int16_t sample;

		memcpy(&sample, bytes + i, sizeof(sample));
		energy->square_sum += sample / FULL_SCALE * (sample / FULL_SCALE);
	}
	energy->linear_samples += length / 2;
}

double aic_energy_dbfs(const struct aic_energy *energy, enum aic_encoding encoding)
{
	double sum = energy->square_sum, samples = (double) energy->linear_samples, dbfs;

	for (int code = 0; encoding != AIC_ENCODING_PCM16 && code < 256; code++) {
		uint8_t byte = (uint8_t) code;
		int16_t sample;

		if (encoding == AIC_ENCODING_ULAW) {
			aic_ulaw_decode(&byte, &sample, 1);
		} else {
			aic_alaw_decode(&byte, &sample, 1);
		}
		sum += energy->code_counts[code] * (sample / FULL_SCALE * (sample / FULL_SCALE));
		samples += energy->code_counts[code];
	}
	dbfs = sum > 0 ? 10 * log10(sum / samples) : SILENT_DBFS;
	return dbfs > SILENT_DBFS ? dbfs : SILENT_DBFS;
}
