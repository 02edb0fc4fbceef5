/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the caller hears while the agent has nothing to say: until it is first heard (option m), while a tool runs
 * (option tool_wait_sound), and where an answer takes long (thinking_sound).
 */
#ifndef AIC_WAITING_SOUND_H
#define AIC_WAITING_SOUND_H

struct ast_channel;
struct session;

/*
 * Starts a class of music on hold, "tone:NAME", or "sound:FILE" (once). The channel's own thread, with nothing locked:
 * a class may be in a database. What cannot be played is told in the log, once.
 */
void waiting_sound_start(struct session *session, struct ast_channel *channel, const char *sound);

/*
 * The agent is heard, in the background: stops it, unless it is a file, which the dialplan plays to its end. What is at
 * work at this moment is stopped the next time. The loop's thread; nothing is locked, and nothing is waited for.
 */
void waiting_sound_give_way(struct session *session, struct ast_channel *channel);

/* Stops it, if it is on. The channel is locked, by its own thread; or in the background by any, where files go on. */
void waiting_sound_stop(struct session *session, struct ast_channel *channel);

#endif
