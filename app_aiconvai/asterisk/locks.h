/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The order in which this module takes locks, and a check that it does. A lock is taken only by a thread that holds
 * none of those at or below it in the list; on the threads that others' audio needs a channel's is only ever tried.
 * What may wait for something else (ast_write() waits for the other half of a Local channel, the dialplan for a
 * database) is called with nothing held.
 *
 * The check costs two instructions on a thread's own word. A thread that goes against the order is logged as an error,
 * once for each pair, and goes on.
 */
#ifndef AIC_LOCKS_H
#define AIC_LOCKS_H

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/lock.h"

#include "channel_line.h"

#include <stdbool.h>

struct session;

enum lock_rank {
	LOCK_CHANNEL,        /* Asterisk's */
	LOCK_REGISTRY,       /* of the sessions */
	LOCK_CLOSED_AGENTS,  /* of closed_agents.c */
	LOCK_SESSION,        /* the session's own (ao2) lock */
	LOCK_EVENTS,         /* what waits for the event publisher */
	LOCK_CALL_JOURNAL,   /* what the journal will say of calls that go on */
	LOCK_JOURNAL,        /* what waits to be written to the journal */
	LOCK_LINE,           /* channel_line.lock */
	LOCK_PATIENT_WRITER, /* and nothing is taken while it is held */
};

/* What the thread holds, a bit for each rank. */
extern _Thread_local unsigned int locks_held;

/* Logs that this thread takes, or calls, `what` while it holds the locks of that mask. */
void locks_complain(const char *what, unsigned int held);

/* Notes that the thread is about to hold a lock of that rank, or that it was given one, held, by whoever called. */
static inline void locks_note(enum lock_rank rank, const char *what)
{
	if (__builtin_expect(locks_held >> rank, 0)) {
		locks_complain(what, locks_held);
	}
	locks_held |= 1u << rank;
}

static inline void locks_forget(enum lock_rank rank)
{
	locks_held &= ~(1u << rank);
}

/* For what may wait long: `what` is called with nothing held. */
static inline void locks_check_free(const char *what)
{
	if (__builtin_expect(locks_held, 0)) {
		locks_complain(what, locks_held);
	}
}

/*
 * The channel is locked by whoever called us (a framehook's function), who may have got there from anything of ours
 * that is called without locks. Returns what was held before, for locks_leave_callback().
 */
static inline unsigned int locks_enter_callback(void)
{
	unsigned int before = locks_held;

	locks_held |= 1u << LOCK_CHANNEL;
	return before;
}

static inline void locks_leave_callback(unsigned int before)
{
	locks_held = before;
}

/* --- channels; not on a thread that others' audio needs, but for trying --- */

static inline void channel_lock(struct ast_channel *channel)
{
	locks_note(LOCK_CHANNEL, "a channel's lock");
	ast_channel_lock(channel);
}

/* Returns whether it was free. */
static inline bool channel_try_lock(struct ast_channel *channel)
{
	if (ast_channel_trylock(channel)) {
		return false;
	}
	locks_note(LOCK_CHANNEL, "a channel's lock");
	return true;
}

static inline void channel_unlock(struct ast_channel *channel)
{
	ast_channel_unlock(channel);
	locks_forget(LOCK_CHANNEL);
}

/* --- sessions --- */

static inline void session_lock(struct session *session)
{
	locks_note(LOCK_SESSION, "a session's lock");
	ao2_lock(session);
}

static inline void session_unlock(struct session *session)
{
	ao2_unlock(session);
	locks_forget(LOCK_SESSION);
}

static inline void line_lock(struct channel_line *line)
{
	locks_note(LOCK_LINE, "a line's lock");
	ast_mutex_lock(&line->lock);
}

static inline void line_unlock(struct channel_line *line)
{
	ast_mutex_unlock(&line->lock);
	locks_forget(LOCK_LINE);
}

#endif
