/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "loops.h"

#include "connection.h"
#include "tls_sessions.h"

#include <stdlib.h>

struct aic_loops {
	struct aic_resolver *resolver; /* owned */
	struct aic_tls_sessions *tls_sessions; /* owned */
	unsigned int count;
	struct aic_event_loop *loops[]; /* owned */
};

struct aic_loops *aic_loops_new(unsigned int count, struct aic_log log)
{
	struct aic_loops *loops = calloc(1, sizeof(*loops) + count * sizeof(struct aic_event_loop *));

	if (!loops) {
		return NULL;
	}
	loops->resolver = aic_resolver_new();
	loops->tls_sessions = aic_tls_sessions_new();
	while (loops->resolver && loops->tls_sessions && loops->count < count) {
		struct aic_event_loop *loop = aic_event_loop_new(&aic_connection_protocol, loops->tls_sessions, log);

		if (!loop) {
			break;
		}
		loops->loops[loops->count++] = loop;
	}
	if (loops->count < count || !count) {
		aic_loops_free(loops);
		return NULL;
	}
	return loops;
}

void aic_loops_free(struct aic_loops *loops)
{
	if (!loops) {
		return;
	}
	/* First the resolver: its answers go to the loops. */
	aic_resolver_free(loops->resolver);
	while (loops->count) {
		aic_event_loop_free(loops->loops[--loops->count]);
	}
	aic_tls_sessions_free(loops->tls_sessions);
	free(loops);
}

struct aic_event_loop *aic_loops_choose(struct aic_loops *loops)
{
	struct aic_event_loop *best = loops->loops[0];

	/* One that serves nobody any more only where there is no other. */
	for (unsigned int i = 1; i < loops->count; i++) {
		struct aic_event_loop *loop = loops->loops[i];

		if (!aic_event_loop_has_failed(loop) && (aic_event_loop_has_failed(best)
			|| aic_event_loop_calls(loop) < aic_event_loop_calls(best))) {
			best = loop;
		}
	}
	return best;
}

struct aic_event_loop *aic_loops_first(struct aic_loops *loops)
{
	return loops->loops[0];
}

struct aic_resolver *aic_loops_resolver(struct aic_loops *loops)
{
	return loops->resolver;
}

uint64_t aic_loops_late_us(struct aic_loops *loops)
{
	uint64_t late_us = 0;

	for (unsigned int i = 0; i < loops->count; i++) {
		uint64_t its_late_us = aic_event_loop_late_us(loops->loops[i]);

		late_us = late_us > its_late_us ? late_us : its_late_us;
	}
	return late_us;
}
