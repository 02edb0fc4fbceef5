/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How a session ends: it leaves its channel and the registry, and the dialplan is told.
 */
#ifndef AIC_SESSION_ENDING_H
#define AIC_SESSION_ENDING_H

#include "outcome.h"

struct ast_channel;
struct session;

/*
 * The call is over for this session, whatever the reason: takes it off the channel and out of the registry and, if the
 * conversation still runs, ends it with `status` and waits until that is done and, unless the publisher of events is
 * held up, told. Channel not locked. Once.
 */
void session_close(struct session *session, enum aic_status status, const char *reason);

/*
 * Takes the session off its channel, wherever a masquerade has moved it, and out of the registry: nothing is read from
 * the channel or written to it any more, and what the conversation came to stays with it. Returns the channel, with a
 * reference for the caller; NULL: it is gone already. Nothing is locked.
 */
struct ast_channel *session_leave(struct session *session);

/* The rest of session_leave(), where the line is off its channel: its link goes, and it is in the registry no more. */
void session_leave_registry(struct session *session);

/*
 * Writes how the session's conversation ended to the channel's CDR, where the agent's option cdr_variables asks for
 * that. Before session_set_variables(): who waits for the status finds it there.
 */
void session_set_cdr_variables(struct session *session, struct ast_channel *channel, const struct aic_outcome *outcome);

/* Sets AICONVAI_REASON, AICONVAI_CONVERSATION_ID, AICONVAI_TRANSFER and, when the rest is there, AICONVAI_STATUS. */
void session_set_variables(struct ast_channel *channel, const struct aic_outcome *outcome, const char *conversation_id);

#endif
