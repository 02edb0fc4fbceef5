/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Tools that this module runs itself, on the channel's thread: subroutines of the dialplan, and keys to press.
 */
#ifndef AIC_TOOL_RUNS_H
#define AIC_TOOL_RUNS_H

/* The variable of the dialplan that has all arguments, as JSON, while a subroutine runs. */
#define TOOL_VARIABLE_PARAMETERS "TOOL_PARAMETERS"

struct aic_event;
struct ast_channel;
struct session;

/*
 * Notes that the agent called the tool of this event. Copies what it needs; where memory is short the agent is told
 * nothing and the call times out.
 */
void tool_runs_add(struct session *session, const struct aic_event *event);

/* Runs the next one, and answers the agent. The channel's thread, channel not locked. Returns whether there was one. */
int tool_runs_next(struct session *session, struct ast_channel *channel);

/* Forgets the one for that call, if it has not begun: the agent does not wait for it any more. */
void tool_runs_forget(struct session *session, const char *id);

/* Forgets those that were not run. Nobody else has the session. */
void tool_runs_clear(struct session *session);

#endif
