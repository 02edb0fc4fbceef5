/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "fft.h"

#include <kissfft/kiss_fft.h>
#include <kissfft/kiss_fftr.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAR_BINS (AIC_CORRELATION_FAR / 2 + 1)
#define LOWEST_HZ 300
#define HIGHEST_HZ 3400

/* A spectrum's amplitude counts to this power: next to nothing, but a frequency that is all noise does not count. */
#define AMPLITUDE_EXPONENT 0.2f

struct aic_fft {
	kiss_fft_cfg spectrum;
	kiss_fftr_cfg forward, backward;
	float window[AIC_SPECTRUM_SAMPLES];
	float scale; /* of the power of a spectrum's frequency */
	kiss_fft_cpx both[AIC_SPECTRUM_SAMPLES], spectra[AIC_SPECTRUM_SAMPLES];
	float padded[AIC_CORRELATION_FAR];
	kiss_fft_cpx near[FAR_BINS], far[FAR_BINS];
	struct aic_fft_input input;
};

struct aic_fft *aic_fft_new(void)
{
	struct aic_fft *fft = calloc(1, sizeof(*fft));
	float squares = 0;

	if (!fft) {
		return NULL;
	}
	fft->spectrum = kiss_fft_alloc(AIC_SPECTRUM_SAMPLES, 0, NULL, NULL);
	fft->forward = kiss_fftr_alloc(AIC_CORRELATION_FAR, 0, NULL, NULL);
	fft->backward = kiss_fftr_alloc(AIC_CORRELATION_FAR, 1, NULL, NULL);
	if (!fft->spectrum || !fft->forward || !fft->backward) {
		aic_fft_free(fft);
		return NULL;
	}
	for (size_t i = 0; i < AIC_SPECTRUM_SAMPLES; i++) {
		fft->window[i] = 0.5f - 0.5f * cosf(2 * (float) M_PI * (float) i / AIC_SPECTRUM_SAMPLES);
		squares += fft->window[i] * fft->window[i];
	}
	/* Parseval's theorem; each frequency stands for its negative one, too. */
	fft->scale = 2 / (AIC_SPECTRUM_SAMPLES * squares);
	return fft;
}

void aic_fft_free(struct aic_fft *fft)
{
	if (fft) {
		kiss_fft_free(fft->spectrum);
		kiss_fftr_free(fft->forward);
		kiss_fftr_free(fft->backward);
		free(fft);
	}
}

struct aic_fft_input *aic_fft_input(struct aic_fft *fft)
{
	return &fft->input;
}

void aic_fft_powers(struct aic_fft *fft, const float *near, const float *far, float near_power[AIC_SPECTRUM_BINS],
	float far_power[AIC_SPECTRUM_BINS])
{
	for (size_t i = 0; i < AIC_SPECTRUM_SAMPLES; i++) {
		fft->both[i] = (kiss_fft_cpx) {.r = near[i] * fft->window[i], .i = far[i] * fft->window[i]};
	}
	kiss_fft(fft->spectrum, fft->both, fft->spectra);
	/* Of a real sequence the negative frequencies mirror the positive ones: that tells the two apart. */
	for (size_t i = 1; i < AIC_SPECTRUM_BINS; i++) {
		kiss_fft_cpx a = fft->spectra[i], b = fft->spectra[AIC_SPECTRUM_SAMPLES - i];
		float near_r = (a.r + b.r) / 2, near_i = (a.i - b.i) / 2, far_r = (a.i + b.i) / 2, far_i = (b.r - a.r) / 2;

		near_power[i] = fft->scale * (near_r * near_r + near_i * near_i);
		far_power[i] = fft->scale * (far_r * far_r + far_i * far_i);
	}
	near_power[0] = far_power[0] = 0;
}

void aic_fft_add_correlation(struct aic_fft *fft, const float *near, const float *far, float kept,
	float sums[AIC_CORRELATION_LAGS])
{
	size_t lowest = (size_t) LOWEST_HZ * AIC_CORRELATION_FAR / AIC_ECHO_RATE;
	size_t highest = (size_t) HIGHEST_HZ * AIC_CORRELATION_FAR / AIC_ECHO_RATE;

	memcpy(fft->padded, near, AIC_CORRELATION_NEAR * sizeof(*near));
	memset(fft->padded + AIC_CORRELATION_NEAR, 0, AIC_CORRELATION_LAGS * sizeof(*near));
	kiss_fftr(fft->forward, fft->padded, fft->near);
	kiss_fftr(fft->forward, far, fft->far);
	for (size_t i = 0; i < FAR_BINS; i++) {
		kiss_fft_cpx n = fft->near[i], f = fft->far[i];
		kiss_fft_cpx product = {.r = n.r * f.r + n.i * f.i, .i = n.r * f.i - n.i * f.r};
		float amplitude = sqrtf(product.r * product.r + product.i * product.i);
		float weight = i < lowest || i > highest || amplitude < 1e-12f ? 0
			: powf(amplitude, AMPLITUDE_EXPONENT - 1);

		fft->far[i] = (kiss_fft_cpx) {.r = product.r * weight, .i = product.i * weight};
	}
	kiss_fftri(fft->backward, fft->far, fft->padded);
	/* What is not later at all ends where the other does. */
	for (size_t lag = 0; lag < AIC_CORRELATION_LAGS; lag++) {
		sums[lag] = sums[lag] * kept + fft->padded[AIC_CORRELATION_LAGS - lag];
	}
}
