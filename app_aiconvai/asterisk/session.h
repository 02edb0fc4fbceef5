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
#include "link.h"
#include "outcome.h"
#include "playout_queue.h"

struct media_clock;
struct told_call;
struct ast_format;
struct ast_trans_pvt;

/* What the application's options ask for. */
struct session_options {
	unsigned int background:1;  /* b */
	unsigned int go_on:1;       /* c: the dialplan goes on after any end */
	unsigned int no_answer:1;   /* n */
	const char *waiting_sound;  /* m: as waiting_sound.h says; NULL: silence */
};

/* Whether the channel's thread, which sleeps until a frame comes, has something to do. */
enum thread_call {
	THREAD_NOT_CALLED,
	THREAD_TO_BE_CALLED, /* by the media clock, which may lock the channel */
	THREAD_CALLED,       /* a frame is on its way to it */
};

/* What a call is known by in Asterisk. */
struct session_identity {
	char id[160]; /* the channel's unique id */
	char channel_name[AST_CHANNEL_NAME];
};

/*
 * ao2 object. The order of its locks, and of the channel's, stands in locks.h; the link's lock is taken by itself. The
 * threads that others' audio needs (the network's and the media clocks') never wait for a channel's lock, nor for the
 * playing of a session.
 *
 * References: the registry's until session_close(), the link's until its connection is gone, the framehook's until it
 * is destroyed, the media clock's while it has work with the session, that of its ending in the background.
 */
struct session {
	/* Never change after creation. */
	struct agent *agent; /* owned reference: the one called */
	struct agent *others[AGENTS_CHAIN_MAX]; /* owned references: those that take the call where it cannot */
	size_t other_count;
	size_t passed_over; /* of all these agents: the first ones, which were full from the beginning */
	struct session_options options; /* its waiting_sound is the copy below */
	char first_waiting_sound[80];
	struct ast_format *line_ast_format; /* owned reference: what audio is exchanged in with the channel */
	struct aic_audio_format line_format;
	struct aic_playout_queue *playout; /* owned; locks itself with playout_lock */
	ast_mutex_t playout_lock;
	struct told_call *told; /* owned reference: of its events (told_event.h) */
	uint64_t begun_us;

	/* Whoever writes a frame to the channel, or takes the session off it, holds playing_lock. Guarded by it: */
	ast_mutex_t playing_lock;
	uint8_t *frame;         /* owned: room in front, then the frame that was taken from the queue last */
	atomic_bool frame_is_waiting; /* it could not be written yet. Read by anybody */
	unsigned int frame_interruptions; /* how many there had been when it was taken */
	unsigned int frame_attempts;      /* times it was handed to the channel in vain */
	bool made_way; /* music or a tone of ours was stopped, and no frame has been heard since */

	/* Guarded by the channel lock of `channel`. */
	int framehook_id; /* -1: not attached */
	int capturing;    /* caller audio goes to the link */
	struct ast_trans_pvt *translator; /* of caller audio that comes in another format; owned */
	struct ast_format *translator_from; /* owned reference */
	struct ast_format *write_format_before; /* owned reference: put back at the end */
	const char *waiting_sound; /* the one that is being played; NULL: none */
	bool waiting_sound_is_void; /* it is not heard any more, and to be stopped by the channel's thread */

	/*
	 * Set by the framehook as it sees the frame pass, which is within the writer's call; read by the writer after it.
	 */
	atomic_bool frame_passed;
	atomic_bool frame_swallowed; /* by music or a tone on the channel */

	/* Guarded by the session's own lock; `channel` and `id` are changed with the channel lock held as well. */
	/* of `channel`; another one's after a masquerade, the last one's when the call is over */
	struct session_identity identity;
	struct ast_channel *channel; /* owned reference; NULL: the call is over */
	struct aic_link *link; /* owned reference; NULL: the call is over */
	struct aic_outcome outcome; /* set before `ended` is */
	char conversation_id[128];
	AST_LIST_HEAD_NOLOCK(, tool_run) tool_runs; /* owned: tools that the channel's thread is to run */

	/* Of any thread. */
	atomic_bool ended; /* the conversation is over; `outcome` says how */
	/*
	 * who has the call, 0: the agent called; n: others[n - 1]. Changed with the registry locked, by which limits are
	 * kept
	 */
	atomic_uint acting;
	atomic_uint open_tools; /* tools that the agent has called and that have not answered */
	atomic_int thread_call; /* enum thread_call: there is something to do for the channel's thread */
	atomic_bool patient; /* the channel's driver may wait for somebody: only the patient media clock writes to it */
	atomic_bool in_tool; /* the channel's thread runs one: music and tones on the channel are the tool's */
	atomic_uint interruptions; /* of agent audio */
	atomic_bool playing; /* there is audio to play, or was a moment ago: the media clock has the session in its care */
	atomic_bool drained; /* while playing: nothing was queued after the last frame. Changed with playing_lock held */
	atomic_bool crowded; /* audio has piled up since the last frame the clock played: aic_pace_is_crowded() */
	atomic_uint_fast64_t due_us; /* of the next frame, 0: no run of them has begun. Changed with playing_lock held */
	atomic_bool finished; /* ended, and heard to its end where it should be: the application may return */
	atomic_uint_fast64_t frames_received; /* from the channel */
	atomic_uint_fast64_t frames_played;
	atomic_uint_fast64_t frames_late; /* written after their time because the channel was busy */
	/* taken from the queue and not heard: music or a tone was on the channel, or another hook took them */
	atomic_uint_fast64_t frames_lost;

	/* The network thread's own. */
	unsigned int failed; /* who had the call before `acting` */

	/* Guarded by the media clocks' lock. */
	struct session *next_armed;
	int armed;
	struct media_clock *keeper; /* the clock that has it in its care, NULL: none */

	/* The own of the media clock that has it in its care. */
	AST_DLLIST_ENTRY(session) slot_entry;
	uint64_t visit_tick;
	AST_DLLIST_ENTRY(session) busy_entry;
	int busy;
};

/* The source (by address) of every frame of agent audio. */
extern const char session_frame_source[];

/*
 * Makes a session for `channel` and counts it against the limits, of the agent's or, where it is full and its option
 * failover_when_busy says so, of the next one's that is not. `variables` are told to the agent. Returns NULL with
 * `outcome` set (BUSY or UNAVAILABLE) where there can be none. The caller holds one reference.
 */
struct session *session_new(struct ast_channel *channel, struct agent *agent, const struct configuration *configuration,
	const struct session_options *options,
	const struct aic_variable *variables, size_t variable_count, struct aic_event_loop *loop,
	struct aic_resolver *resolver, struct aic_outcome *outcome);

/* The agent that has the call now. Valid as long as the session is. */
struct agent *session_agent(const struct session *session);

/* One of those it may be with: as `acting` says. */
struct agent *session_agent_at(const struct session *session, unsigned int which);

/*
 * Begins the conversation and caller audio. Channel not locked. Returns 0, or -1 when the framehook could not be
 * attached.
 */
int session_begin(struct session *session);

/*
 * The call is over for this session, whatever the reason: takes it off the channel and out of the registry and, if the
 * conversation still runs, ends it with `status` and waits until that is done and, unless the publisher of events is
 * held up, told. Channel not locked. Once.
 */
void session_close(struct session *session, enum aic_status status, const char *reason);

/*
 * The conversation is over and was heard to its end: lets the application return or, in the background, has done what
 * it would have done (background_end.h). Called by the media clock, with the channel locked. Returns whether that could
 * be begun.
 */
bool session_finish(struct session *session, struct ast_channel *channel);

/*
 * Takes the session off its channel, wherever a masquerade has moved it, and out of the registry: nothing is read from
 * the channel or written to it any more. Returns the channel, with a reference for the caller; NULL: it is gone
 * already. Nothing is locked.
 */
struct ast_channel *session_leave(struct session *session);

/* Starts what is to be heard until the agent is, unless the agent was quicker. Channel not locked. */
void session_start_waiting_sound(struct session *session, struct ast_channel *channel);

/*
 * Has the channel's thread look at what there is for it to do (session_attend()), soon. Any thread, with nothing
 * locked. In the background there is nobody to do it.
 */
void session_call_thread(struct session *session);

/* The same for the media clock, which sees to it at its next look at the channel. */
void session_want_thread(struct session *session);

/* The same at once. The channel is locked. */
void session_call_thread_now(struct session *session, struct ast_channel *channel);

/*
 * If it was called, does it: runs tools, starts and stops what is heard meanwhile. Returns whether a tool ran, in which
 * the call may have ended or been sent elsewhere. The channel's thread, channel not locked.
 */
bool session_attend(struct session *session, struct ast_channel *channel);

/* The channel went away under a session that runs in the background. Called with the channel locked; does not wait. */
void session_lost_channel(struct session *session);

/* Sets AICONVAI_STATUS, AICONVAI_REASON, AICONVAI_CONVERSATION_ID and AICONVAI_TRANSFER. */
void session_set_variables(struct ast_channel *channel, const struct aic_outcome *outcome, const char *conversation_id);

/* What the call is known by now. Any thread, with nothing locked but a channel. */
struct session_identity session_identity(struct session *session);

/* The same of a channel, which is locked: to be noted where that changes. */
void session_note_identity(struct session *session, struct ast_channel *channel);

/* The link, with a reference for the caller; NULL when the call is over. */
struct aic_link *session_link(struct session *session);

/* The channel, with a reference for the caller; NULL when the call is over. */
struct ast_channel *session_channel(struct session *session);

/* A copy of how it ended. Returns 0 while it has not. */
int session_outcome(struct session *session, struct aic_outcome *outcome);

#endif
