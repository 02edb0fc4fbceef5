/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Writes the agent's frames to the channel, with nothing locked that another thread needs: a driver may have to wait for somebody in there, as a Local
 * channel's does for its other half. ast_write() itself only tries the channel's lock and, where it does not get it, drops the frame without a word; so it
 * is tried here first, the framehook says whether the frame got through, and one that did not is kept.
 *
 * All but frame_writer_is_patient() are for who holds the session's playing, with no channel locked but where it is said.
 */
#ifndef AIC_FRAME_WRITER_H
#define AIC_FRAME_WRITER_H

#include "playout_queue.h"

#include <stdbool.h>

struct ast_channel;
struct session;

enum frame_written {
	FRAME_WRITTEN,   /* or lost for good, and counted */
	FRAME_HELD_BACK, /* nothing is to be played yet: ask again in AIC_FRAME_MS */
	FRAME_NONE,      /* nothing is queued */
	FRAME_BUSY,      /* the channel did not take it: it is kept, to be tried again soon */
};

/*
 * Whether writing to the channel may wait for somebody: all but those drivers that are known to hand a packet to the kernel and return. The channel is
 * locked.
 */
bool frame_writer_is_patient(struct ast_channel *channel);

/*
 * Sees to it that a frame can be written: music or a tone that is on gives way, where it is not a tool's. Returns false where it
 * has not yet, or where the driver would have to wait now. The channel is locked.
 */
bool frame_writer_prepare(struct session *session, struct ast_channel *channel);

/* Writes the frame that is kept, or the next one of the queue. */
enum frame_written frame_writer_write(struct session *session, struct ast_channel *channel);

#endif
