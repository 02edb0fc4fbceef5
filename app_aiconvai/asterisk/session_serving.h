/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the channel's own thread does while the loop has its channel: what the caller hears in pauses, the tools.
 */
#ifndef AIC_SESSION_SERVING_H
#define AIC_SESSION_SERVING_H

struct ast_channel;
struct session;

/* Starts what is to be heard until the agent is, unless the agent was quicker. Channel not locked. */
void session_start_waiting_sound(struct session *session, struct ast_channel *channel);

/*
 * The channel's thread, in the foreground: serves the channel until the conversation is over and heard to its end. Runs
 * the agent's tools meanwhile, and starts and stops what is heard in its pauses. Channel not locked. Returns 0, or -1
 * when the caller is gone or the call was sent elsewhere.
 */
int session_serve_channel(struct session *session, struct ast_channel *channel);

#endif
