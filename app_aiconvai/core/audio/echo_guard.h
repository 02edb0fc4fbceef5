/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Tells the caller from the agent's own voice that comes back by the line, of a speakerphone or a mobile. What was sent
 * and what came are laid on one time line, sample by sample; while the agent is heard, and 0.6 s after, a gate
 * (echo_gate.h) says whether what comes is the caller. At other times, and to a call whose caller wears a headset, it
 * changes nothing.
 *
 * Times are microseconds of one clock that only goes forward. Not thread-safe: it belongs to a call.
 */
#ifndef AIC_ECHO_GUARD_H
#define AIC_ECHO_GUARD_H

#include "audio_format.h"
#include "echo_gate.h"

#include <stdbool.h>
#include <stdint.h>

struct aic_echo_guard;

struct aic_echo_report {
	int delay_ms;      /* of the agent's voice; -1: not known, or it does not come back */
	double return_db;  /* how loud it comes back */
	uint64_t openings; /* times the caller was told from it */
	uint64_t closed_ms; /* for how long it was nobody but the agent */
};

/*
 * `format` is that of the line, both ways; `fft` is the thread's and must outlive it. It takes some 65 KiB. Returns
 * NULL when memory is short.
 */
struct aic_echo_guard *aic_echo_guard_new(struct aic_audio_format format, enum aic_echo_sensitivity sensitivity,
	struct aic_fft *fft);
void aic_echo_guard_free(struct aic_echo_guard *guard);

/* Whole samples that the caller hears from `now_us` on. Returns 0, or -1 when memory is short. */
int aic_echo_guard_sent(struct aic_echo_guard *guard, const uint8_t *bytes, size_t length, uint64_t now_us);

/*
 * Whole samples that came from the line until `now_us`. Returns whether they may be the caller; where not, they are the
 * agent's voice. Where memory is short they may be.
 */
bool aic_echo_guard_came(struct aic_echo_guard *guard, const uint8_t *bytes, size_t length, uint64_t now_us);

void aic_echo_guard_report(const struct aic_echo_guard *guard, struct aic_echo_report *report);

#endif
