/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * All sessions of the module: who may join them, how they are found, and what became of them. Any thread, with nothing
 * locked that comes behind the lock of the sessions (locks.h).
 */
#ifndef AIC_SESSIONS_H
#define AIC_SESSIONS_H

#include "outcome.h"

#include <stdbool.h>
#include <stdint.h>

struct agent;
struct ao2_container;
struct ast_channel;
struct session;

/* Registers the module's sessions. Returns 0, or -1 when memory is short. */
int sessions_start(void);

/* After the last session. */
void sessions_stop(void);

/*
 * Adds the session, with the first of its agents that takes calls, unless a limit is reached; `most_calls` is that of
 * all agents, 0: none. Returns 0, or -1 with `outcome` set.
 */
int sessions_add(struct session *session, int most_calls, struct aic_outcome *outcome);

/* It is found no more. */
void sessions_remove(struct session *session);

/*
 * Gives the session to that one of its agents (session_agent_at()). Where it is closed (closed_agents.h) or full
 * nothing is done, and a sentence in `reason`, of AIC_REASON_MAX bytes, says so: returns -1 then, 0 otherwise.
 */
int sessions_take_place(struct session *session, unsigned int which, char *reason);

enum session_found {
	SESSION_FOUND,
	SESSION_UNKNOWN,
	SESSION_AMBIGUOUS, /* several calls are known by that */
};

/*
 * The session that is known by `name`: a channel's unique id before the name of one, and that before a conversation id,
 * which the service chose. Where it is found `*session` is a reference for the caller.
 */
enum session_found sessions_find(const char *name, struct session **session);

/* The newest session of that channel, with a reference for the caller, or NULL. */
struct session *sessions_find_channel(const struct ast_channel *channel);

/* All sessions; a callback of ao2_callback(), or an iterator, may be used on it. */
struct ao2_container *sessions_all(void);

/* Whether that agent has room for a call just now. */
bool sessions_would_take(const struct agent *agent);

/* How many calls that agent has now. */
int sessions_of(const struct agent *agent);

/* A session object has come to be (+1), or is gone (-1). */
void sessions_count_alive(int change);

/* How many session objects are alive, closed ones included. */
int sessions_alive(void);

struct module_totals {
	uint64_t calls, completed, caller_hangups, busy, unavailable, lost, timeouts, invalid;
	int most_at_once;
};

/* Since the module was loaded. */
void sessions_totals(struct module_totals *totals);

/* Counts how a conversation ended. */
void sessions_count_end(enum aic_status status);

/* Counts a call that got no session. */
void sessions_count_refused(enum aic_status status);

#endif
