/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A transfer to somebody who is rung while the conversation goes on: where nobody takes the call the agent is told why,
 * and the caller is still with it. Who takes it is connected with the caller, and the conversation is over.
 *
 *     transfer_to_NAME = dial:TECHNOLOGY/RESOURCE[&...][,SECONDS]
 *     transfer_to_NAME = attended:TECHNOLOGY/RESOURCE[&...],SECONDS,SOUND[&...]
 *
 * With keep: in front of either the conversation is not over: the agent listens while the two speak, and has the caller
 * again when the other one hangs up.
 *
 * With attended, who answers first hears the sound, and takes the call by pressing 1. A call in the background is not
 * served: its channel's thread, which connects the two, is elsewhere.
 *
 * Each has a thread of its own, from dialled_transfer_begin() until somebody has taken the call or nobody has. A
 * session has one at a time.
 */
#ifndef AIC_DIALLED_TRANSFER_H
#define AIC_DIALLED_TRANSFER_H

#include <stdbool.h>

struct ast_channel;
struct session;

/* Whether that place is somebody to ring. */
bool dialled_transfer_is(const char *place);

/*
 * Begins to ring for that call of transfer_call, which is answered, or ends the conversation, later on. A thread that
 * may wait, with nothing locked. Returns NULL, or what the agent is to be told at once; why, is in the log.
 */
const char *dialled_transfer_begin(struct session *session, const char *tool_call_id, const char *name,
	const char *place);

/* Nobody is to be rung any more; who has answered is hung up. Any thread that may wait, with nothing locked. */
void dialled_transfer_cancel(struct session *session);

/*
 * The conversation ended because somebody has taken the call: connects them, until one hangs up. The channel's own
 * thread, channel not locked. Returns 0, or -1 where the two could not be connected, which is logged.
 */
int dialled_transfer_connect(struct session *session, struct ast_channel *channel);

/*
 * Where somebody has taken the call and the agent stays: connects them, until one hangs up; the agent hears both. The
 * channel's own thread, which has the channel, with nothing locked. Returns whether there was somebody.
 */
bool dialled_transfer_listen(struct session *session, struct ast_channel *channel);

#endif
