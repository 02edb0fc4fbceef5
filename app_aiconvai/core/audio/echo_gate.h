/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whether what comes from the line while the agent speaks is the caller, or the agent's own voice coming back. It
 * learns in 26 bands how loud that comes back, and opens when there is more than that. The waveform tells nothing: a
 * mobile codec or a bad loudspeaker changes it beyond recognition, while levels stay.
 *
 * Not thread-safe: it belongs to a call.
 */
#ifndef AIC_ECHO_GATE_H
#define AIC_ECHO_GATE_H

#include "fft.h"

#include <stdbool.h>
#include <stdint.h>

/* 125 Hz each, from 250 Hz on. */
#define AIC_ECHO_BANDS 26

/* Samples from one look to the next: 10 ms. */
#define AIC_ECHO_HOP 80

/* Hops of what was sent that are remembered: the largest delay that can be found, and more. */
#define AIC_ECHO_HISTORY 80

/* How easily it opens. */
enum aic_echo_sensitivity {
	AIC_ECHO_CAREFUL, /* seldom by mistake: 1 turn in 400 */
	AIC_ECHO_NORMAL,
	AIC_ECHO_EAGER,
};

struct aic_echo_gate {
	float needed;    /* of the score, each time, to count as evidence */
	float threshold; /* of the evidence */
	float smooth[AIC_ECHO_BANDS];    /* power of what comes */
	float noise[AIC_ECHO_BANDS];     /* the same at the quietest */
	float recent[AIC_ECHO_BANDS], lasting[AIC_ECHO_BANDS]; /* of what was sent, now and in the room still */
	float mean_db[AIC_ECHO_BANDS], deviation_db[AIC_ECHO_BANDS]; /* how loud it comes back */
	float learnt[AIC_ECHO_BANDS];    /* hops */
	float history[AIC_ECHO_HISTORY][AIC_ECHO_BANDS]; /* of what was sent, in a ring */
	unsigned int newest; /* in it */
	float evidence;
	uint32_t warm_hops;  /* in which the agent was heard; up to those of a warm-up */
};

void aic_echo_gate_init(struct aic_echo_gate *gate, enum aic_echo_sensitivity sensitivity);

/*
 * Looks once: at the last AIC_SPECTRUM_SAMPLES of what came, and of what was sent in the same time. `delay` is that of
 * the echo in samples, -1: not known. `is_heard`: the agent is; `is_whole`: nothing of what came is made up. Returns
 * whether there is evidence of the caller.
 */
bool aic_echo_gate_look(struct aic_echo_gate *gate, struct aic_fft *fft, const float *near, const float *far, int delay,
	bool is_heard, bool is_whole);

/* Time passes in which it does not look: what was heard before has nothing to do with what it sees next. */
void aic_echo_gate_rest(struct aic_echo_gate *gate);

/* Whether what came last may be the agent's voice, were its delay not known: it is no louder than that. */
bool aic_echo_gate_may_be_late(const struct aic_echo_gate *gate);

/* How loud the agent's voice comes back, in dB of what is sent; meaningful once there was a second of it. */
double aic_echo_gate_return_db(const struct aic_echo_gate *gate);

#endif
