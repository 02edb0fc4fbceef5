/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * All calls of a run: when each begins and ends, and which of them a message is for.
 */
#ifndef CALLERS_ROUND_H
#define CALLERS_ROUND_H

#include "call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUND_EXTENSIONS_MAX 32

/* What is asked for. */
struct round_plan {
	const char *extensions[ROUND_EXTENSIONS_MAX]; /* that calls go to by turns */
	size_t extension_count;
	size_t calls;             /* that stay */
	double rate;              /* set-ups of them a second */
	double seconds;           /* they stay, once all are up; 0: until round_end() */
	uint64_t seed;
	bool hold;                /* those that stay are put on hold by us */
	const char *churn_extension;
	double churn_rate;        /* set-ups of calls that go a second, while the others stay; 0: none */
	double churn_seconds;     /* each lasts */
};

void round_begin(const struct round_plan *plan);

/* Takes what has come at the SIP socket. */
void round_take_messages(void);

/* Tells of all calls what there was since the last time. */
void round_mark(void);

/* Hangs up one call after another. */
void round_end(void);

/* Whether every call is over, and none is to come. */
bool round_is_over(void);

/* Tells the totals and forgets everything. Returns how many calls failed. */
uint64_t round_close(void);

#endif
