/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "echo_gate.h"

#include <math.h>
#include <string.h>

#define BINS_A_BAND 4
#define FIRST_BIN 8

/* Before anything is known a loud speakerphone is assumed, as if so many hops had shown it. */
#define PRIOR_DB (-6.0f)
#define PRIOR_DEVIATION_DB 4.0f
#define PRIOR_HOPS 15.0f

/* No more than so much of what is known is forgotten with a hop; while the caller may be speaking, a tenth of that. */
#define LEAST_RATE 0.01f
#define DOUBTFUL 0.1f

#define LEAST_DEVIATION_DB 1.5f

/*
 * Where no more than this comes back, that it is still less says nothing about how loud it may be. A headset's -60 dB,
 * where -6 dB were assumed, would make 20 dB of deviation of it, and a caller within the first seconds go unnoticed.
 */
#define NEXT_TO_NOTHING_DB (-30.0f)

/* A smoothed power keeps so much; the room's answer dies away more slowly, and is as loud as this. */
#define KEPT 0.5f
#define KEPT_BY_ROOM 0.85f
#define OF_ROOM 0.4f

/* What a loudspeaker turns of all bands' sound into sound of any of them. */
#define DISTORTED 0.01f

/* Of samples between -1 and 1. A band in which less is sent than this (-62 dBFS) shows nothing. */
#define LEAST_SENT 6e-7f
#define LEAST_POWER 1e-10f

/* The quietest is taken to be 1.3 dB a second louder, and the line's noise 9 dB above it at the most. */
#define NOISE_RISE 1.003f
#define OVER_QUIETEST 8.0f

/* The score of a band at the most: as many deviations. */
#define MOST_SCORE 3.0f

/* Evidence is kept within so many thresholds. */
#define MOST_EVIDENCE 3.0f

/* In the first 3 s of the agent's voice the threshold comes down from twice as much. */
#define WARM_UP_HOPS 300

/* What was sent in so many hops after that which comes back now is expected, too: a window is as long as that. */
#define LATER_HOPS 3

/* Where the delay is not known the loudest of so many hops is expected. */
#define ANY_HOPS 64

static const struct {
	float needed, threshold;
} sensitivities[] = {
	[AIC_ECHO_CAREFUL] = {0.30f, 3.0f},
	[AIC_ECHO_NORMAL] = {0.25f, 2.0f},
	[AIC_ECHO_EAGER] = {0.20f, 1.5f},
};

void aic_echo_gate_init(struct aic_echo_gate *gate, enum aic_echo_sensitivity sensitivity)
{
	memset(gate, 0, sizeof(*gate));
	gate->needed = sensitivities[sensitivity].needed;
	gate->threshold = sensitivities[sensitivity].threshold;
	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		gate->mean_db[band] = PRIOR_DB;
		gate->deviation_db[band] = PRIOR_DEVIATION_DB;
		gate->learnt[band] = PRIOR_HOPS;
		gate->noise[band] = 1;
	}
}

static float in_db(float power)
{
	return 10 * log10f(power > LEAST_POWER ? power : LEAST_POWER);
}

static void sum_bands(const float power[AIC_SPECTRUM_BINS], float bands[AIC_ECHO_BANDS])
{
	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		bands[band] = 0;
		for (size_t i = 0; i < BINS_A_BAND; i++) {
			bands[band] += power[FIRST_BIN + band * BINS_A_BAND + i];
		}
	}
}

/*
 * The most that was sent in each band when that was sent which comes back now, and shortly after: windows overlap, and
 * a voice may be a train of pulses.
 */
static void sent_before(const struct aic_echo_gate *gate, int delay, float most[AIC_ECHO_BANDS])
{
	unsigned int last = delay < 0 ? ANY_HOPS : (unsigned int) delay / AIC_ECHO_HOP;
	unsigned int first = delay < 0 || last < LATER_HOPS ? 0 : last - LATER_HOPS;

	memset(most, 0, AIC_ECHO_BANDS * sizeof(*most));
	for (unsigned int hops = first; hops <= last && hops < AIC_ECHO_HISTORY; hops++) {
		const float *sent = gate->history[(gate->newest + AIC_ECHO_HISTORY - hops) % AIC_ECHO_HISTORY];

		for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
			most[band] = sent[band] > most[band] ? sent[band] : most[band];
		}
	}
}

/* The power that the agent's voice would have if it came back undiminished. */
static void expect(struct aic_echo_gate *gate, int delay, float expected[AIC_ECHO_BANDS])
{
	float sent[AIC_ECHO_BANDS], all = 0;

	sent_before(gate, delay, sent);
	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		gate->recent[band] = KEPT * gate->recent[band] + (1 - KEPT) * sent[band];
		gate->lasting[band] = KEPT_BY_ROOM * gate->lasting[band] + (1 - KEPT_BY_ROOM) * sent[band];
		all += gate->recent[band];
	}
	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		expected[band] = gate->recent[band] + OF_ROOM * gate->lasting[band] + DISTORTED * all / AIC_ECHO_BANDS;
	}
}

static void learn(struct aic_echo_gate *gate, size_t band, float returned_db)
{
	float rate = 1 / gate->learnt[band] > LEAST_RATE ? 1 / gate->learnt[band] : LEAST_RATE;
	float off = returned_db - gate->mean_db[band], most = 2 * gate->deviation_db[band];
	float variance = gate->deviation_db[band] * gate->deviation_db[band];

	if (gate->evidence > gate->threshold / 2) {
		rate *= DOUBTFUL;
	} else {
		gate->learnt[band]++;
	}
	off = off > most ? most : off < -most ? -most : off;
	gate->mean_db[band] += rate * off;
	if (off < 0 && gate->mean_db[band] < NEXT_TO_NOTHING_DB) {
		off = 0;
	}
	variance += rate * (off * off - variance);
	gate->deviation_db[band] = variance > LEAST_DEVIATION_DB * LEAST_DEVIATION_DB ? sqrtf(variance)
		: LEAST_DEVIATION_DB;
}

/* How much more there is in a band than would come back, in deviations. */
static float score(const struct aic_echo_gate *gate, size_t band, float expected)
{
	float quietest = OVER_QUIETEST * gate->noise[band], returned_db, explained, more;

	/* Most hops are quiet, and need no more than this to be known for it. */
	if (gate->smooth[band] <= quietest) {
		return 0;
	}
	returned_db = gate->mean_db[band] + gate->deviation_db[band];
	explained = expected * powf(10, returned_db / 10) + quietest;
	if (gate->smooth[band] <= explained) {
		return 0;
	}
	more = (in_db(gate->smooth[band]) - in_db(explained)) / gate->deviation_db[band];
	return more > MOST_SCORE ? MOST_SCORE : more;
}

static float threshold_now(const struct aic_echo_gate *gate)
{
	return gate->threshold * (2 - (float) gate->warm_hops / WARM_UP_HOPS);
}

/* What the bands of the present hop come to, on average. */
static float mean_score(const struct aic_echo_gate *gate, const float expected[AIC_ECHO_BANDS])
{
	float scores = 0;

	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		scores += score(gate, band, expected[band]);
	}
	return scores / AIC_ECHO_BANDS;
}

static void weigh(struct aic_echo_gate *gate, const float expected[AIC_ECHO_BANDS])
{
	float most = MOST_EVIDENCE * threshold_now(gate);

	gate->evidence += mean_score(gate, expected) - gate->needed;
	gate->evidence = gate->evidence < 0 ? 0 : gate->evidence > most ? most : gate->evidence;
	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		if (expected[band] > LEAST_SENT) {
			learn(gate, band, in_db(gate->smooth[band]) - in_db(expected[band]));
		}
	}
}

bool aic_echo_gate_look(struct aic_echo_gate *gate, struct aic_fft *fft, const float *near, const float *far, int delay,
	bool is_heard, bool is_whole)
{
	float near_power[AIC_SPECTRUM_BINS], far_power[AIC_SPECTRUM_BINS];
	float expected[AIC_ECHO_BANDS], bands[AIC_ECHO_BANDS];

	aic_fft_powers(fft, near, far, near_power, far_power);
	gate->newest = (gate->newest + 1) % AIC_ECHO_HISTORY;
	sum_bands(far_power, gate->history[gate->newest]);
	sum_bands(near_power, bands);
	expect(gate, delay, expected);
	if (!is_whole) {
		return gate->evidence > threshold_now(gate);
	}
	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		float noise = gate->noise[band] * NOISE_RISE;

		gate->smooth[band] = KEPT * gate->smooth[band] + (1 - KEPT) * bands[band];
		gate->noise[band] = noise < gate->smooth[band] ? noise : gate->smooth[band];
	}
	weigh(gate, expected);
	gate->warm_hops += is_heard && gate->warm_hops < WARM_UP_HOPS;
	return gate->evidence > threshold_now(gate);
}

void aic_echo_gate_rest(struct aic_echo_gate *gate)
{
	gate->evidence = 0;
}

bool aic_echo_gate_may_be_late(const struct aic_echo_gate *gate)
{
	float sent[AIC_ECHO_BANDS];

	sent_before(gate, -1, sent);
	return mean_score(gate, sent) < gate->needed;
}

double aic_echo_gate_return_db(const struct aic_echo_gate *gate)
{
	double sum = 0;

	for (size_t band = 0; band < AIC_ECHO_BANDS; band++) {
		sum += gate->mean_db[band];
	}
	return sum / AIC_ECHO_BANDS;
}
