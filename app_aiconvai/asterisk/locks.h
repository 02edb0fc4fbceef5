/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The order in which this module takes locks, and a check that it does. A lock is taken only by a thread that holds
 * none of those at or below it in the list; the playing of a session and, on the threads that others' audio needs, a
 * channel are only ever tried. What may wait for something else (ast_write() waits for the other half of a Local
 * channel, the dialplan for a database) is called with nothing held that another thread needs for audio.
 *
 * The check costs two instructions on a thread's own word. A thread that goes against the order is logged as an error,
 * once for each pair, and goes on.
 */
#ifndef AIC_LOCKS_H
#define AIC_LOCKS_H

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/lock.h"

#include "session.h"

#include <stdbool.h>

enum lock_rank {
	LOCK_PLAYING,     /* session.playing_lock: who writes a session's frames */
	LOCK_CHANNEL,     /* Asterisk's */
	LOCK_REGISTRY,    /* of the sessions */
	LOCK_SESSION,     /* the session's own (ao2) lock */
	LOCK_PLAYOUT,     /* session.playout_lock */
	LOCK_EVENTS,      /* what waits for the event publisher */
	LOCK_MEDIA_CLOCK, /* and nothing is taken while it is held */
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

/* For what may wait long: `what` is called with nothing held but what writing a session's frames is. */
static inline void locks_check_free(const char *what)
{
	if (__builtin_expect(locks_held & ~(1u << LOCK_PLAYING), 0)) {
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

/*
 * Nobody writes the session's frames until it is given back. Waits for who is writing one, which may take as long as a
 * channel's driver likes.
 */
static inline void playing_lock(struct session *session)
{
	locks_note(LOCK_PLAYING, "the playing of a session");
	ast_mutex_lock(&session->playing_lock);
}

/* Returns whether nobody writes the session's frames at the moment. */
static inline bool playing_try_lock(struct session *session)
{
	if (ast_mutex_trylock(&session->playing_lock)) {
		return false;
	}
	locks_note(LOCK_PLAYING, "the playing of a session");
	return true;
}

static inline void playing_unlock(struct session *session)
{
	ast_mutex_unlock(&session->playing_lock);
	locks_forget(LOCK_PLAYING);
}

#endif
