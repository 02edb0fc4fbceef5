/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the caller hears while the agent has nothing to say: until it is first heard (option m), and while a tool runs
 * (option tool_wait_sound).
 */
#ifndef AIC_WAITING_SOUND_H
#define AIC_WAITING_SOUND_H

#include <stdbool.h>

struct ast_channel;
struct session;

/*
 * Starts a class of music on hold, "tone:NAME", or "sound:FILE" (once), unless the agent is quicker. The channel's own
 * thread, with nothing locked: a class may be in a database. What cannot be played is told in the log, once.
 */
void waiting_sound_start(struct session *session, struct ast_channel *channel, const char *sound);

enum sound_given_way {
	SOUND_IS_NOT_ON,
	SOUND_STOPPED,
	SOUND_TO_BE_STOPPED, /* by the channel's thread */
};

/*
 * The agent is about to be heard: nothing of it is any more. Any thread; the channel is locked. A file is played by the
 * channel's thread, which has to stop it: who stops it waits for what that thread is doing, such as waiting for the
 * channel.
 */
enum sound_given_way waiting_sound_give_way(struct session *session, struct ast_channel *channel);

/*
 * Stops it, if it is on. The channel is locked, by its own thread; or any thread's in the background, where files are
 * left to their end.
 */
void waiting_sound_stop(struct session *session, struct ast_channel *channel);

#endif
