/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A session is one call's conversation, as this module sees it.
 */
#ifndef AIC_SESSION_H
#define AIC_SESSION_H

#include "asterisk/channel.h"
#include "asterisk/lock.h"
#include "asterisk/dlinkedlists.h"
#include "asterisk/linkedlists.h"

#include "agents.h"
#include "channel_line.h"
#include "link.h"
#include "outcome.h"
#include "playout_queue.h"
#include "recording.h"

/* Most agents that a call is handed over to, each as often as they like. */
#define HAND_OVERS_MAX 8

struct ambience_sound;
struct channel_line;
struct dialled_transfer;
struct told_call;

/* What the application's options ask for. */
struct session_options {
	unsigned int background:1;  /* b */
	unsigned int go_on:1;       /* c: the dialplan goes on after any end */
	unsigned int no_answer:1;   /* n */
	const char *waiting_sound;  /* m: as waiting_sound.h says; NULL: silence */
	const char *said;           /* r: in the conversation that goes on, during session_new(); NULL: none does */
};

/* What a call is known by in Asterisk. */
struct session_identity {
	char id[160]; /* the channel's unique id */
	char channel_name[AST_CHANNEL_NAME];
};

/*
 * ao2 object. The order of its locks, and of the channel's, stands in locks.h; the link's lock is taken by itself. The
 * threads that others' audio needs (the loops') never wait for a channel's lock.
 *
 * References: the registry's until session_close(), the link's until its connection is gone, that of its ending in the
 * background.
 */
struct session {
	/* Never change after creation. */
	struct agent *agent; /* owned reference: the one called */
	struct agent *others[AGENTS_CHAIN_MAX]; /* owned references: those that take the call where it cannot */
	size_t other_count;
	struct configuration *configuration; /* owned reference: in force when the call began */
	size_t passed_over; /* of all these agents: the first ones, which were full from the beginning */
	struct session_options options; /* its waiting_sound is the copy below */
	char first_waiting_sound[80];
	struct channel_line *line; /* owned reference: the audio side */
	struct ambience_sound *ambience; /* owned reference: heard under the call; NULL: none */
	struct aic_playout_queue *playout; /* owned; the loop's thread's */
	struct told_call *told; /* owned reference: of its events (told_event.h) */
	struct recording recording; /* set before the session begins, but for what it says itself */
	uint64_t begun_us;

	/* Guarded by the channel lock. */
	const char *waiting_sound; /* the one that is being played; NULL: none */
	uint64_t sound_began_at;   /* so many frames of the agent's had been heard then */

	/* Guarded by the session's own lock. */
	/* of the channel; another one's after a masquerade, the last one's when the call is over */
	struct session_identity identity;
	struct aic_link *link; /* owned reference; NULL: the call is over */
	struct aic_outcome outcome; /* set before `ended` is */
	char conversation_id[128];
	AST_LIST_HEAD_NOLOCK(, tool_run) tool_runs; /* owned: tools that the channel's thread is to run */
	struct dialled_transfer *dialled; /* owned reference: who is being rung for the caller; NULL: nobody */

	/* Of any thread. */
	atomic_bool ended; /* the conversation is over; `outcome` says how */
	/*
	 * who has the call, 0: the agent called; n: others[n - 1], and behind them handed. Changed with the registry
	 * locked, by which limits are kept
	 */
	atomic_uint acting;
	atomic_bool listening; /* the agent stays while the caller speaks with `dialled` */
	atomic_bool thinking; /* the caller has waited for the agent's answer for a while */
	atomic_uint open_tools; /* tools that the agent has called and that have not answered */
	atomic_bool hung_up;  /* in the background: the dialplan was told so */
	atomic_bool finished; /* ended, and heard to its end where it should be: the application may return */

	/* The loop's thread's own; of `handed` others read what `acting` has named. */
	unsigned int failed; /* who had the call before `acting` */
	struct agent *handed[HAND_OVERS_MAX]; /* owned references: to whom it was handed over */
	size_t handed_count;
};

/* The agent that has the call now. Valid as long as the session is. */
struct agent *session_agent(const struct session *session);

/* One of those it may be with: as `acting` says. */
struct agent *session_agent_at(const struct session *session, unsigned int which);

/* There is something for the channel's thread to do. The loop's thread. In the background there is nobody to do it. */
void session_want_thread(struct session *session);

/* What the call is known by now. Any thread, with nothing locked but a channel. */
struct session_identity session_identity(struct session *session);

/* The link, with a reference for the caller; NULL when the call is over. */
struct aic_link *session_link(struct session *session);

/* A copy of how it ended. Returns 0 while it has not. */
int session_outcome(struct session *session, struct aic_outcome *outcome);

#endif
