/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What happened, until whoever drives the gateway takes it: a queue between its loops and one thread that may be slow.
 * Putting something in never waits for that thread. What is lost because too much waits is counted, and told with the
 * next event; beginnings and ends of calls are not lost: no call begins where there is no room.
 */
#ifndef AIC_GATEWAY_EVENTS_H
#define AIC_GATEWAY_EVENTS_H

#include "backlog.h"
#include "gateway.h"

#include <pthread.h>

struct queued_event;

struct aic_gateway_events {
	int fd; /* an eventfd: readable while there are events */
	pthread_mutex_t lock; /* held for a few instructions only */
	/* Guarded by it. */
	struct queued_event *first, **end;
	struct aic_backlog backlog;
	uint64_t dropped;
};

/* Returns 0, or -1 where that fails. */
int aic_gateway_events_init(struct aic_gateway_events *events);
void aic_gateway_events_clear(struct aic_gateway_events *events);

/*
 * Puts a copy of the event in, with its texts and what the engine tells; `unix_us` is now. Any thread. Never waits for
 * who takes them.
 */
void aic_gateway_events_put(struct aic_gateway_events *events, const struct aic_gateway_event *event);

/* Whether nobody has taken any for so long that all the room is used: no call is to begin then. Any thread. */
bool aic_gateway_events_are_full(struct aic_gateway_events *events);

/* NULL: there is none. */
struct aic_gateway_event *aic_gateway_events_take(struct aic_gateway_events *events);

#endif
