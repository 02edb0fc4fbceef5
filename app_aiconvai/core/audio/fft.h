/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The Fourier transforms that tell the agent's echo from the caller (kissfft): plans and work areas, which all calls of
 * one thread share. Sequences are samples between -1 and 1 at AIC_ECHO_RATE.
 *
 * Not thread-safe: it belongs to a thread, and is used from inside of calls to its conversations.
 */
#ifndef AIC_FFT_H
#define AIC_FFT_H

#include <stddef.h>

/* Samples a second: what a telephone carries above that does not help. */
#define AIC_ECHO_RATE 8000

/* Samples of a spectrum, and the frequencies that it has. */
#define AIC_SPECTRUM_SAMPLES 256
#define AIC_SPECTRUM_BINS (AIC_SPECTRUM_SAMPLES / 2)

/*
 * Samples of what was heard last, of what was sent last, and how much later the first may be: one more than the
 * difference.
 */
#define AIC_CORRELATION_NEAR 2048
#define AIC_CORRELATION_FAR 8192
#define AIC_CORRELATION_LAGS (AIC_CORRELATION_FAR - AIC_CORRELATION_NEAR)

struct aic_fft;

/* Room for the sequences. */
struct aic_fft_input {
	float near[AIC_CORRELATION_NEAR], far[AIC_CORRELATION_FAR];
};

/* Returns NULL when memory is short. It takes some 300 KiB. */
struct aic_fft *aic_fft_new(void);
void aic_fft_free(struct aic_fft *fft);

/* For whoever has a use for it: what is in it lasts no longer than that. */
struct aic_fft_input *aic_fft_input(struct aic_fft *fft);

/*
 * The power of two sequences of AIC_SPECTRUM_SAMPLES at the frequencies n * AIC_ECHO_RATE / AIC_SPECTRUM_SAMPLES, under
 * a Hann window: all of them together are the mean square of the samples.
 */
void aic_fft_powers(struct aic_fft *fft, const float *near, const float *far, float near_power[AIC_SPECTRUM_BINS],
	float far_power[AIC_SPECTRUM_BINS]);

/*
 * How alike `near`, AIC_CORRELATION_NEAR samples, is to `far`, AIC_CORRELATION_FAR samples that end at the same time,
 * where it is 0, 1, 2, ... samples later: by phase more than by amplitude, between 300 and 3400 Hz. It is added to
 * `sums`, of which so much is kept.
 */
void aic_fft_add_correlation(struct aic_fft *fft, const float *near, const float *far, float kept,
	float sums[AIC_CORRELATION_LAGS]);

#endif
