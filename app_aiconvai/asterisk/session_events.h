/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation tells: to manager (AMI) users, and to the log.
 */
#ifndef AIC_SESSION_EVENTS_H
#define AIC_SESSION_EVENTS_H

#include <stdbool.h>

struct agent;
struct aic_event;
struct session;

/* The engine's callback; `user` is the session. The loop's thread. */
void session_on_event(void *user, const struct aic_event *event);

/* Tells that a session begins. */
void session_tell_start(struct session *session);

/* Tells managers that somebody is to say what is known of the caller, where the agent wants it. */
void session_tell_lookup(struct session *session);

/* Tells that the agent that has the call now took it over from `failed`. */
void session_tell_failover(struct session *session, const struct agent *failed, const char *reason);

/* Prints VAD scores and interruptions of all agents, besides those with debug=yes. */
void session_events_debug(bool on);
bool session_events_is_debug(void);

#endif
