/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "energy.h"

#include "g711.h"

#include <math.h>
#include <string.h>

#define SILENT_DBFS (-99.0)
#define BLOCK_SAMPLES 256

void aic_energy_add(struct aic_energy *energy, enum aic_encoding encoding, const uint8_t *bytes, size_t length)
{
	int16_t samples[BLOCK_SAMPLES];

	while (length) {
		size_t size = encoding == AIC_ENCODING_PCM16 ? 2 : 1;
		size_t count = length / size < BLOCK_SAMPLES ? length / size : BLOCK_SAMPLES;
		int64_t sum = 0;

		if (!count) {
			return;
		}
		switch (encoding) {
		case AIC_ENCODING_ULAW:
			aic_ulaw_decode(bytes, samples, count);
			break;
		case AIC_ENCODING_ALAW:
			aic_alaw_decode(bytes, samples, count);
			break;
		case AIC_ENCODING_PCM16:
			memcpy(samples, bytes, count * 2);
			break;
		}
		for (size_t i = 0; i < count; i++) {
			sum += (int32_t) samples[i] * samples[i];
		}
		energy->square_sum += (double) sum / (32768.0 * 32768.0);
		energy->samples += count;
		bytes += count * size;
		length -= count * size;
	}
}

double aic_energy_dbfs(const struct aic_energy *energy)
{
	double mean = energy->samples ? energy->square_sum / (double) energy->samples : 0;
	double dbfs = mean > 0 ? 10 * log10(mean) : SILENT_DBFS;

	return dbfs > SILENT_DBFS ? dbfs : SILENT_DBFS;
}
