/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * An Asterisk channel as a line (line.h).
 *
 * From the caller, in the foreground: while the application runs, the channel's own thread has nothing to do but wait,
 * so it lends the channel to the call's loop, which reads it in its place, as Asterisk's autoservice does for many
 * channels in one thread (channel_reader.c). What the agent hears is then what any application would read: behind
 * jitter buffers and audiohooks, and with each key once. The thread is given the channel back for what is its own:
 * subroutines, music and files that are played to the caller, transfers, the end; and where reading may wait for
 * somebody.
 *
 * In the background, and while a subroutine runs, somebody else reads the channel. A framehook then feeds what passes
 * to the loop (channel_hook.c): in front of audiohooks, and behind every hook that puts another frame in its place.
 *
 * To the caller: the loop writes with ast_write(), nothing locked (channel_writer.c). Where a driver may wait for
 * somebody in there a thread of its own does it (patient_writer.c).
 */
#ifndef AIC_CHANNEL_LINE_H
#define AIC_CHANNEL_LINE_H

#include "asterisk/channel.h"
#include "asterisk/lock.h"

#include "audio_format.h"
#include "channel_encoder.h"
#include "event_loop.h"
#include "line.h"
#include "link.h"
#include "packet_order.h"
#include "party_mix.h"
#include "translation.h"

#include <stdatomic.h>
#include <stdbool.h>

struct ast_format;
struct channel_line;
struct line_hook;

/* Descriptors of a channel that the loop can watch; one that has more is read by its own thread. */
#define CHANNEL_FDS_MAX 16

/*
 * Who has the line, is told of what happens to its channel, which is locked meanwhile. Not after channel_line_leave().
 */
struct channel_line_owner {
	/* It has another name, unique id or driver, or is another one: a masquerade. */
	void (*renamed)(void *user, struct ast_channel *channel);
	/*
	 * In the background: somebody who reads it finds that the call is over; the dialplan may still have its extension h
	 * for it. Must not wait. May be told several times.
	 */
	void (*hung_up)(void *user, struct ast_channel *channel);
	/* It is gone. Must not wait. */
	void (*lost)(void *user);
	/* A frame is about to be written while `has_way_to_make` is set. The loop's thread; the channel is not locked. */
	void (*make_way)(void *user);
};

/* Who neither hears nor is heard because somebody pressed a button: bits of `holds`. */
#define HELD_BY_CALLER 1u /* the caller has put the agent on hold */
#define HELD_BY_OTHER 2u  /* somebody else has put the caller on hold */

/* Where the caller's audio is taken from. */
enum capture {
	CAPTURE_BY_READER, /* whoever of us reads the channel hands it over */
	CAPTURE_BY_HOOK,   /* somebody else reads it */
};

struct watched_fd {
	struct aic_watch watch;
	struct channel_line *line;
};

/*
 * ao2 object. References: its owner's, each framehook's until it is destroyed, that of a task of the loop's while it is
 * posted, the patient writer's while it has a frame.
 */
struct channel_line {
	struct aic_line line; /* what the loop writes to; the first member */

	/* Never change after creation. */
	bool background;
	struct ast_format *ast_format; /* owned reference: what audio is exchanged in with the channel */
	struct aic_audio_format format;
	const struct channel_line_owner *owner;
	void *user; /* the owner's */

	ast_mutex_t lock;
	ast_cond_t returned;
	/* Guarded by `lock`; changed with the channel locked as well. */
	struct ast_channel *channel; /* owned reference; NULL: the call is over */
	/* Guarded by `lock`. */
	bool lent;

	/* Guarded by the channel lock of `channel`. */
	struct aic_link *link; /* owned reference, while `attached` */
	bool attached;
	struct line_hook *hook; /* the last one that was attached; its own */
	int hook_id;
	unsigned int hooks_attached;
	struct translation translation; /* of caller audio that comes in another format */
	struct aic_packet_order order;  /* of the packets that bring it; of whoever reads the channel */
	bool hears_both;                /* the other party of a bridge is caller audio as well */
	struct aic_party_mix mix;       /* of the caller and that party; while `hears_both` */
	struct translation other_translation; /* of what that party says; the same */
	struct channel_encoder encoder; /* of all that goes to the caller */
	struct ast_format *write_format_before, *read_format_before; /* owned references: put back at the end */

	/* Of any thread. */
	atomic_int capture;          /* enum capture. Changed by the channel's thread while it has the channel */
	atomic_bool patient;         /* the channel's driver may wait for somebody */
	atomic_bool thread_wanted;   /* there is something to do for the channel's thread */
	atomic_bool unwatchable;     /* the kernel does not let the loop wait for its descriptors */
	atomic_bool playing;         /* the agent is heard */
	atomic_bool has_way_to_make; /* music or a file of ours is played to the caller */
	atomic_uint channel_changes; /* counts what happened to `channel` */
	atomic_bool frame_passed;    /* set by the framehook within ast_write(), read after it by who writes */
	atomic_uint holds;           /* of them, those that are on */
	atomic_bool others_heard;    /* set by the framehook where somebody else writes audio */
	atomic_bool hook_is_covered; /* another hook behind ours puts frames in the place of those that we saw */
	atomic_uint_fast64_t frames_received; /* from the channel */
	atomic_uint_fast64_t frames_played;
	atomic_uint_fast64_t frames_lost; /* not heard: the channel did not take them */

	/* The loop's thread's own. */
	struct ast_channel *reading; /* owned reference: lent to us; NULL: none is */
	struct watched_fd fds[CHANNEL_FDS_MAX];
	struct aic_timer look_timer;
	bool has_read; /* since it fired last */
	struct aic_loop_task task; /* holds a reference while posted */
	struct ast_channel *writing; /* owned reference: `channel` as it was after `changes_seen` */
	unsigned int changes_seen;
	unsigned int attempts; /* times the frame was handed to the channel in vain */
	unsigned int frames_left_to_others; /* of idle audio: see is_left_to_others() */

	/* The patient writer's: guarded by its lock, but for the frame, which is of whoever has it. */
	AST_LIST_ENTRY(channel_line) patient_entry;
	int patient_state; /* enum patient_state */
	unsigned int patient_attempts;
	bool patient_is_idle; /* the frame is idle audio */
	uint8_t *patient_frame; /* owned; NULL: none was needed yet */
};

/*
 * A line on `channel`, which is locked: its own format where the engine knows it, so that nothing is translated; else
 * linear at that format's rate, and Asterisk translates. NULL when memory is short.
 */
struct channel_line *channel_line_new(struct ast_channel *channel, bool background,
	const struct channel_line_owner *owner, void *user);

/*
 * From now on what the caller says goes to `link`, whose line this is. Channel not locked. Returns 0, or -1 when the
 * framehook could not be attached.
 */
int channel_line_attach(struct channel_line *line, struct aic_link *link);

/*
 * Takes the line off its channel, wherever a masquerade has moved it: nothing is read from it or written to it any
 * more, and the owner is told nothing. Returns the channel, with a reference for the caller; NULL: it is gone already.
 * Nothing is locked; waits for the loop, and for a frame that is being written.
 */
struct ast_channel *channel_line_leave(struct channel_line *line);

/* The same where the channel is going away, and is locked: does not wait. */
void channel_line_lose(struct channel_line *line);

/* The channel, with a reference for the caller; NULL when the call is over. */
struct ast_channel *channel_line_channel(struct channel_line *line);

/* Bytes of one frame of AIC_FRAME_MS. */
size_t channel_line_frame_bytes(const struct channel_line *line);

/* --- the channel's thread, in the foreground --- */

/*
 * Lends the channel to the loop, until there is something for its thread to do, and waits for that. Returns false where
 * the channel is of no kind that can be lent, or not now: then its thread reads it itself.
 */
bool channel_line_lend(struct channel_line *line, struct ast_channel *channel);

/* Hands over a frame that the channel's thread has read. */
void channel_line_take_frame(struct channel_line *line, struct ast_frame *frame);

/* Whether there was something for it to do, which there is not any more. */
bool channel_line_was_wanted(struct channel_line *line);

/* Who hands the caller's audio over from now on. */
void channel_line_capture(struct channel_line *line, enum capture capture);

/*
 * While the channel's thread has the channel, and the line is captured by the hook: whether what somebody else says to
 * the caller is taken for caller audio as well, mixed with it. Channel not locked.
 */
void channel_line_hear_both(struct channel_line *line, struct ast_channel *channel, bool both);

/* --- the loop's thread --- */

/* There is something to do for the channel's thread: it is given the channel back, or looks soon. */
void channel_line_want_thread(struct channel_line *line);

/* Nothing is being played any more, for now. */
void channel_line_note_silence(struct channel_line *line);

/* --- parts of the line, for each other --- */

/* channel_hook.c; the channel is locked. */
int channel_hook_attach(struct channel_line *line, struct ast_channel *channel);
void channel_hook_detach(struct channel_line *line, struct ast_channel *channel);

/* Hands a voice frame over, in the line's format: through the ring, or `directly`, on the loop's thread. */
void channel_hook_capture_voice(struct channel_line *line, struct ast_frame *frame, bool directly);

/*
 * A control frame of the caller's: that he goes on hold, or is back; once for each, however often it is read. The
 * channel is locked, or it is the loop's thread.
 */
void channel_hook_note_read(struct channel_line *line, struct ast_frame *frame);

/* channel_reader.c */
void channel_reader_init(struct channel_line *line);

/* Has the loop look at the line soon. Any thread; the line is attached, and the channel may be locked. */
void channel_reader_wake(struct channel_line *line);

/* channel_writer.c */
extern const struct aic_line_kind channel_writer_kind;

enum channel_written {
	CHANNEL_WRITTEN,
	CHANNEL_BUSY, /* it did not take the frame */
};

/* Writes one frame. Nothing is locked; may wait as long as the channel's driver likes. */
enum channel_written channel_writer_write(struct channel_line *line, struct ast_channel *channel, uint8_t *frame);

/* The same with a frame of idle audio, of which nobody asks whether the channel took it. */
void channel_writer_write_idle(struct channel_line *line, struct ast_channel *channel, uint8_t *frame);

/*
 * The channel did not take a frame: counts that. Returns whether the frame is to be offered again; else it is lost, and
 * `attempts` are those of the next one.
 */
bool channel_writer_tries_again(struct channel_line *line, unsigned int *attempts);

/* Whether writing to the channel or reading it may wait for somebody. The channel is locked. */
bool channel_writer_is_patient(struct ast_channel *channel);

struct channel_writer_totals {
	uint64_t frames; /* written */
	uint64_t idle;   /* frames of idle audio, written */
	uint64_t busy;   /* times a channel did not take a frame at once */
};

/* Of all lines since the module was loaded. Any thread. */
struct channel_writer_totals channel_writer_totals(void);

/* The sources (by address) of every frame of agent audio, and of idle audio. */
extern const char channel_frame_source[], channel_idle_source[];

#endif
