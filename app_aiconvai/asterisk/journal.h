/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The journal (option journal): a file with a line of JSON for each call that is over, so that whoever counts, bills or
 * shows calls has all of them, whether he was there or not. A thread of its own writes it: a disk that is slow or full
 * keeps nobody waiting. So much may wait for it; what is beyond that is dropped, counted and said.
 */
#ifndef AIC_JOURNAL_H
#define AIC_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts the thread. Returns 0 or -1. */
int journal_start(void);

/* Joins it, if it was started, once all has been written that can be. Nobody may hand over anything any more. */
void journal_stop(void);

/* Whether there is one, as it is configured now. */
bool journal_is_wanted(void);

/* Hands over a copy of a line, which has no newline. Any thread; does not wait. */
void journal_write(const char *text);

struct journal_stats {
	uint64_t written, dropped; /* lines */
	size_t waiting;
	bool fails; /* the last attempt to write did */
};

/* Since the module was loaded. */
void journal_stats(struct journal_stats *stats);

#endif
