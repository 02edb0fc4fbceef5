/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A call that is recorded (option record), what the caller says and what it hears in a file each, by Asterisk's own
 * MixMonitor: as it is on the line, with everything else that is played.
 */
#ifndef AIC_RECORDING_H
#define AIC_RECORDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct agent;
struct ast_channel;
struct session;

/* What there is of a call's recording. */
struct recording {
	char *base; /* owned: its files, up to -caller.wav and -agent.wav; NULL: there is none */
	char *id;   /* owned: MixMonitor's name of it */
	uint64_t since_us;
	atomic_uint pauses; /* reasons for it, a bit each */
	bool is_muted;      /* by this session; guarded by the channel lock */
};

/* Why nothing is heard in recordings, this one and others of the channel: each by itself. */
enum recording_pause {
	RECORDING_PAUSE_SECRET = 1, /* secret digits are pressed */
	RECORDING_PAUSE_ASKED = 2,  /* the agent's tool, or a manager, has asked for it */
};

/*
 * Plays what says that the call is recorded (option record_notice), where that agent's are. The channel's own thread,
 * with nothing locked, before there is a session: nothing that belongs to one goes on meanwhile.
 */
void recording_play_notice(struct ast_channel *channel, const struct agent *agent);

/* Begins, where the agent's options say so. The channel's own thread, nothing locked, before the session begins. */
void recording_begin(struct session *session, struct ast_channel *channel);

/*
 * It is silence while there is a reason, as long as it would have been. At once, unless the channel's lock is held just
 * now. Any thread, with nothing locked; does not wait.
 */
void recording_pause(struct session *session, enum recording_pause reason, bool is_on);

/*
 * Ends it on the channel that the session leaves, and is silent nowhere any more. Harmless where there is none. Nothing
 * is locked; it may take as long as a channel's lock is held.
 */
void recording_end(struct session *session, struct ast_channel *channel);

void recording_free(struct recording *recording);

#endif
