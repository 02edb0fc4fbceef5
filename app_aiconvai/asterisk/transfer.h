/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Sends a call where its agent wants it to go on: to a place in the dialplan, or to somebody who is rung first
 * (dialled_transfer.h).
 */
#ifndef AIC_TRANSFER_H
#define AIC_TRANSFER_H

struct aic_outcome;
struct ast_channel;
struct session;

/*
 * The agent calls transfer_call, and waits: `line` is one of transfer_to, NAME=PLACE. Where the call cannot go there
 * the agent is told, and the conversation goes on; otherwise it ends. Any thread, whatever is locked; does not wait.
 * Copies what it needs. Where memory is short nobody answers, and the agent's call times out.
 */
void transfer_begin(struct session *session, const char *tool_call_id, const char *line);

/*
 * Once the conversation is over. For the channel's own thread, from within an application. Returns 0, or -1 when there
 * is no such place any more, which is logged. Channel not locked.
 */
int transfer_call(struct ast_channel *channel, const struct aic_outcome *outcome);

/*
 * For a channel whose thread is elsewhere in the dialplan, or in a bridge. A thread that nobody's audio needs, with
 * nothing locked: a switch of the dialplan may take its time.
 */
void transfer_beside_its_thread(struct ast_channel *channel, const struct aic_outcome *outcome);

#endif
