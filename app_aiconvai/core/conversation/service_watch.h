/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A service that says nothing: after half of the limit it is asked for a sign of life (a WebSocket ping), and when the
 * limit is over without a byte from it, it is dead. Whatever comes is a sign of life, audio and messages no less than
 * the answer to a ping: not every service answers pings, and some do so late. Not thread-safe: it belongs to a
 * conversation.
 */
#ifndef AIC_SERVICE_WATCH_H
#define AIC_SERVICE_WATCH_H

#include <stdint.h>

enum aic_watch_step {
	AIC_WATCH_NOTHING,
	AIC_WATCH_ASK,
	AIC_WATCH_DEAD,
};

struct aic_service_watch {
	uint64_t limit_us; /* 0: a service may be silent for ever */

	uint64_t heard_us; /* when anything came from it last; UINT64_MAX: it is not watched yet */
	uint64_t asked_us; /* when it was asked since; UINT64_MAX: it was not */
	uint64_t due_us;   /* when there is something to do; UINT64_MAX: never */
};

void aic_service_watch_init(struct aic_service_watch *watch, uint32_t limit_seconds);

/* A connection begins to be watched. */
void aic_service_watch_start(struct aic_service_watch *watch, uint64_t now_us);

/* Something came from the service at that time. */
void aic_service_watch_heard(struct aic_service_watch *watch, uint64_t when_us);

/* When aic_service_watch_attend() is to be called; UINT64_MAX: not at all. */
static inline uint64_t aic_service_watch_due(const struct aic_service_watch *watch)
{
	return watch->due_us;
}

/*
 * What is to be done now. A service is asked before it is given up, however late this is called: it gets half of the
 * limit to answer.
 */
enum aic_watch_step aic_service_watch_attend(struct aic_service_watch *watch, uint64_t now_us);

#endif
