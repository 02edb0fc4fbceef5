/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * One thread that tells managers and the log what happened in conversations, in the order in which it was handed over:
 * what that costs, and whatever holds it up, keeps nobody's audio waiting. So much may wait for it, of all calls and of
 * each, and come of each in ten seconds; what is beyond that is dropped and counted, what matters least first
 * (told_event.h), and the log says so once for a call.
 */
#ifndef AIC_EVENT_PUBLISHER_H
#define AIC_EVENT_PUBLISHER_H

#include "told_event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts the thread. Returns 0 or -1. */
int event_publisher_start(void);

/* Joins it, if it was started, once all that waits has been told. Nobody may hand over anything any more. */
void event_publisher_stop(void);

/*
 * Whether an event of that call has to be made: where not, it has been counted as dropped. Any thread, like the next
 * one.
 */
bool event_publisher_has_room(struct told_call *call, enum told_importance importance);

/*
 * Hands over an event, or drops it after all; NULL: there is none, because of the former or for want of memory. Any
 * thread, with nothing locked that comes behind the publisher's lock (locks.h); does not wait.
 */
void event_publisher_give(struct told_event *event);

/*
 * Waits until all that was handed over of that call has been told, so that what Asterisk tells of the channel next
 * comes after it; but no longer than 500 ms: a publisher that is held up does not hold calls. Nothing is locked; not
 * on a thread that others' audio needs.
 */
void event_publisher_wait(struct told_call *call);

/* How many events of that call were dropped. */
uint64_t event_publisher_dropped(struct told_call *call);

struct event_publisher_stats {
	uint64_t told;
	uint64_t dropped;
	uint64_t dropped_important; /* of these: calls of tools, beginnings and ends */
	uint64_t late_ends;         /* calls that went on before all of theirs were told */
	size_t waiting, most_waiting;
};

/* Since the module was loaded. */
void event_publisher_stats(struct event_publisher_stats *stats);

#endif
