/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * All loops of a program, with what they share: the resolver and the TLS sessions. Calls are shared out among them.
 */
#ifndef AIC_LOOPS_H
#define AIC_LOOPS_H

#include "event_loop.h"
#include "resolver.h"

struct aic_loops;

/*
 * Starts so many threads with a loop each, which serve links, and those of the resolver. Returns NULL when one could
 * not be started (nothing is left running then).
 */
struct aic_loops *aic_loops_new(unsigned int count, struct aic_log log);

/* When no call lives on them any more. NULL: nothing to be done. */
void aic_loops_free(struct aic_loops *loops);

/* The loop for the next call: that with the fewest. Any thread. */
struct aic_event_loop *aic_loops_choose(struct aic_loops *loops);

/* The first of them. */
struct aic_event_loop *aic_loops_first(struct aic_loops *loops);

struct aic_resolver *aic_loops_resolver(struct aic_loops *loops);

/* How long after its time the latest timer of a loop fired, in microseconds. Any thread. */
uint64_t aic_loops_late_us(struct aic_loops *loops);

#endif
