/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A thread of our own and not one of Asterisk's task processors: those have no bound but a level above which all of
 * Asterisk is told that it is overloaded, and SIP takes no call any more. That is not for a service to bring about.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/linkedlists.h"
#include "asterisk/lock.h"
#include "asterisk/logger.h"

#include "event_loop.h"
#include "event_publisher.h"
#include "locks.h"
#include "output.h"
#include "thread.h"

#include <pthread.h>
#include <time.h>

/* See event_publisher_wait(). */
#define WAIT_MS 500

/* What may wait, of all calls and of each: a thousand of them may end at once, and one may tell 64 KiB many times. */
static const struct aic_backlog_room room_of_all = {.pieces = 8192, .bytes = 32 << 20};
static const struct aic_backlog_room room_of_a_call = {.pieces = 512, .bytes = 4 << 20};

/*
 * And what a call may tell in so long a time: the rest of the way to managers, which is Asterisk's, has no bound, and
 * the level above which SIP takes no call any more (see above).
 */
#define WINDOW_US 10000000
static const struct aic_backlog_room room_of_a_window = {.pieces = 1000, .bytes = 16 << 20};

/* How many parts of the rooms, of AIC_BACKLOG_PARTS, are there for it. */
static const unsigned char parts[TOLD_IMPORTANCES] = {
	[TOLD_IN_PASSING] = 4,
	[TOLD_HAPPENED] = 6,
	[TOLD_TO_BE_DONE] = 7,
	[TOLD_OF_THE_CALL] = 8,
};

static struct {
	ast_mutex_t lock; /* held for a few instructions, and by who waits for another's event */
	ast_cond_t given_or_stopping;
	pthread_t thread;
	bool is_started;

	/* Guarded by the lock. */
	AST_LIST_HEAD_NOLOCK(, told_event) events; /* owned */
	struct aic_backlog waiting; /* these, and the one that is being told */
	bool is_asleep;
	bool is_stopping;
	struct event_publisher_stats stats;
} publisher;

static void publisher_lock(void)
{
	locks_note(LOCK_EVENTS, "the event publisher's lock");
	ast_mutex_lock(&publisher.lock);
}

static void publisher_unlock(void)
{
	ast_mutex_unlock(&publisher.lock);
	locks_forget(LOCK_EVENTS);
}

/* The next one to tell, NULL: none is left and none will come. `*call_dropped`: how many of its call were dropped. */
static struct told_event *next_event(uint64_t *call_dropped)
{
	struct told_event *event;

	publisher_lock();
	while (!(event = AST_LIST_REMOVE_HEAD(&publisher.events, entry)) && !publisher.is_stopping) {
		publisher.is_asleep = true;
		ast_cond_wait(&publisher.given_or_stopping, &publisher.lock);
		publisher.is_asleep = false;
	}
	if (event) {
		*call_dropped = event->call->dropped;
	}
	publisher_unlock();
	return event;
}

static void note_told(struct told_event *event)
{
	struct told_call *call = event->call;

	publisher_lock();
	aic_backlog_remove(&publisher.waiting, event->bytes);
	aic_backlog_remove(&call->waiting, event->bytes);
	publisher.stats.told++;
	call->published++;
	if (call->waiters) {
		ast_cond_broadcast(&call->is_published);
	}
	publisher_unlock();
}

static void *run(void *arg)
{
	struct told_event *event;
	uint64_t dropped = 0;

	while ((event = next_event(&dropped))) {
		if (dropped && !event->call->said_dropped) {
			event->call->said_dropped = true;
			log_line(LOG_WARNING, "%s: more events come than are told: some of them, such as transcripts, are dropped "
				"and counted (aiconvai show call)", event->id);
		}
		told_event_publish(event);
		note_told(event);
		told_event_free(event);
	}
	return NULL;
}

int event_publisher_start(void)
{
	memset(&publisher, 0, sizeof(publisher));
	AST_LIST_HEAD_INIT_NOLOCK(&publisher.events);
	ast_mutex_init(&publisher.lock);
	ast_cond_init(&publisher.given_or_stopping, NULL);
	if (aic_thread_start(&publisher.thread, "aiconvai-events", run, NULL)) {
		ast_cond_destroy(&publisher.given_or_stopping);
		ast_mutex_destroy(&publisher.lock);
		return -1;
	}
	publisher.is_started = true;
	return 0;
}

void event_publisher_stop(void)
{
	if (!publisher.is_started) {
		return;
	}
	publisher_lock();
	publisher.is_stopping = true;
	ast_cond_signal(&publisher.given_or_stopping);
	publisher_unlock();
	pthread_join(publisher.thread, NULL);
	ast_cond_destroy(&publisher.given_or_stopping);
	ast_mutex_destroy(&publisher.lock);
	publisher.is_started = false;
}

/* Whether there is room for another one of so many bytes; it is counted where not. The publisher is locked. */
static bool has_room(struct told_call *call, enum told_importance importance, size_t bytes, uint64_t now_us)
{
	unsigned int share = parts[importance];

	if (now_us - call->window_began_us >= WINDOW_US) {
		call->window_began_us = now_us;
		call->in_window = (struct aic_backlog) {0};
	}
	if (aic_backlog_has_room(&publisher.waiting, &room_of_all, share, bytes)
		&& aic_backlog_has_room(&call->waiting, &room_of_a_call, share, bytes)
		&& aic_backlog_has_room(&call->in_window, &room_of_a_window, share, bytes)) {
		return true;
	}
	call->dropped++;
	publisher.stats.dropped++;
	publisher.stats.dropped_important += importance >= TOLD_TO_BE_DONE;
	return false;
}

bool event_publisher_has_room(struct told_call *call, enum told_importance importance)
{
	uint64_t now_us = aic_now_us();
	bool result;

	publisher_lock();
	result = has_room(call, importance, 0, now_us);
	publisher_unlock();
	return result;
}

/* The publisher is locked. Returns whether there was room. */
static bool take(struct told_event *event, uint64_t now_us)
{
	struct told_call *call = event->call;

	if (!has_room(call, event->importance, event->bytes, now_us)) {
		return false;
	}
	if (event->kind == TOLD_END) {
		event->end->events_dropped = call->dropped;
	}
	aic_backlog_add(&publisher.waiting, event->bytes);
	aic_backlog_add(&call->waiting, event->bytes);
	aic_backlog_add(&call->in_window, event->bytes);
	if (publisher.waiting.pieces > publisher.stats.most_waiting) {
		publisher.stats.most_waiting = publisher.waiting.pieces;
	}
	call->given++;
	AST_LIST_INSERT_TAIL(&publisher.events, event, entry);
	return true;
}

void event_publisher_give(struct told_event *event)
{
	uint64_t now_us = aic_now_us();
	bool taken, wake;

	if (!event) {
		return;
	}
	publisher_lock();
	taken = take(event, now_us);
	wake = taken && publisher.is_asleep;
	if (wake) {
		/* One signal is enough. */
		publisher.is_asleep = false;
	}
	publisher_unlock();
	if (!taken) {
		told_event_free(event);
	} else if (wake) {
		/* After the lock, which the woken thread takes first of all. */
		ast_cond_signal(&publisher.given_or_stopping);
	}
}

void event_publisher_wait(struct told_call *call)
{
	struct timespec deadline;
	uint64_t last;

	locks_check_free("the telling of events");
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_nsec += WAIT_MS * 1000000L;
	deadline.tv_sec += deadline.tv_nsec / 1000000000L;
	deadline.tv_nsec %= 1000000000L;
	publisher_lock();
	last = call->given;
	call->waiters++;
	while (call->published < last) {
		if (ast_cond_timedwait(&call->is_published, &publisher.lock, &deadline)) {
			publisher.stats.late_ends++;
			break;
		}
	}
	call->waiters--;
	publisher_unlock();
}

uint64_t event_publisher_dropped(struct told_call *call)
{
	uint64_t dropped;

	publisher_lock();
	dropped = call->dropped;
	publisher_unlock();
	return dropped;
}

void event_publisher_stats(struct event_publisher_stats *stats)
{
	publisher_lock();
	*stats = publisher.stats;
	stats->waiting = publisher.waiting.pieces;
	publisher_unlock();
}
