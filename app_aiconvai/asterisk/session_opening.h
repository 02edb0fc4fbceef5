/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How a session begins: the agent that takes the call, its line, its link.
 */
#ifndef AIC_SESSION_OPENING_H
#define AIC_SESSION_OPENING_H

#include "outcome.h"
#include "variable.h"

#include <stddef.h>

struct agent;
struct aic_event_loop;
struct aic_resolver;
struct ast_channel;
struct configuration;
struct session;
struct session_options;

/*
 * Makes a session for `channel` and counts it against the limits, of the agent's or, where it is full and its option
 * failover_when_busy says so, of the next one's that is not. `variables` are told to the agent. Returns NULL with
 * `outcome` set (BUSY or UNAVAILABLE) where there can be none. The caller holds one reference.
 */
struct session *session_new(struct ast_channel *channel, struct agent *agent, const struct configuration *configuration,
	const struct session_options *options,
	const struct aic_variable *variables, size_t variable_count, struct aic_event_loop *loop,
	struct aic_resolver *resolver, struct aic_outcome *outcome);

/*
 * Begins the conversation and caller audio. Channel not locked. Returns 0, or -1 when the framehook could not be
 * attached.
 */
int session_begin(struct session *session);

#endif
