/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A link joins one conversation to the network and to its line: it opens what the conversation asks for, carries its
 * messages and its audio both ways, plays the agent's audio when it is due and keeps the conversation's time.
 *
 * Threads. The conversation, the connection, the playout and everything marked so below belong to the loop's thread,
 * and so does the line while the link serves it. Where another thread reads the caller's audio it hands it over through
 * two lock-free rings; other threads hand over work and wait for it. Reference counted: the creator holds one
 * reference, the loop another from start until the connection is gone. That may be later than the end of the
 * conversation, so the link tells its creator when it needs what it was given no more.
 *
 * Events come on the loop's thread, none before aic_link_start() and none after AIC_EVENT_ENDED. The callbacks must not
 * wait for the call's thread or for a channel.
 */
#ifndef AIC_LINK_H
#define AIC_LINK_H

#include "conversation.h"
#include "event_loop.h"
#include "line.h"
#include "resolver.h"

struct aic_link;

/* Who has the link made. What is told has the setup's `user`; all but on_freed on the loop's thread. */
struct aic_link_host {
	struct aic_line *line;         /* what the agent's audio is written to */
	/* A loop at the line's rate that is heard under the call (ambience.h); NULL: none. */
	const struct aic_ambience_loop *ambience;
	void (*on_silent)(void *user); /* nothing is to be played any more, for now. NULL: does not matter */
	/*
	 * The conversation is over and was heard to its end, where it should be. Once; where it returns false it is told
	 * again a moment later. NULL: does not matter
	 */
	bool (*on_finished)(void *user);
	void (*on_freed)(void *user); /* the last reference is gone. Any thread, once. */
};

/*
 * `loop` and `resolver` must outlive the link; what `setup` and `host` point to must live until host->on_freed is
 * called. Returns NULL when memory is short; then it is not called.
 */
struct aic_link *aic_link_new(struct aic_event_loop *loop, struct aic_resolver *resolver,
	const struct aic_conversation_setup *setup, const struct aic_link_host *host);

/* Takes another reference. Any thread that may be sure the link is alive. */
void aic_link_hold(struct aic_link *link);

/*
 * Drops a reference, the creator's for the last. The conversation must have been told to end, or never have been
 * started.
 */
void aic_link_release(struct aic_link *link);

/* Begins the conversation. Once. */
void aic_link_start(struct aic_link *link);

/* --- the loop's thread: a line that is read there --- */

/* Takes caller audio in the line format. */
void aic_link_caller_audio(struct aic_link *link, const uint8_t *bytes, size_t length);

/* The caller pressed a key. */
void aic_link_key(struct aic_link *link, char key);

/* Nothing is written to the line any more, and on_finished not told. */
void aic_link_leave_line(struct aic_link *link);

/* The same from any thread, soon. Does not wait; the line must live until the link is freed. */
void aic_link_lose_line(struct aic_link *link);

/* --- one other thread at a time: a line that is read there --- */

/*
 * The same through a ring. Never blocks or allocates; audio is refused whole (and counted) when the ring is full.
 */
bool aic_link_feed_audio(struct aic_link *link, const uint8_t *bytes, size_t length);
void aic_link_feed_key(struct aic_link *link, char key);

/* --- any thread --- */

/* The caller can neither hear nor be heard (a hold), or can again. Does not wait. Said again, it changes nothing. */
void aic_link_set_on_hold(struct aic_link *link, bool on_hold);

/* Asks for the end; AIC_EVENT_ENDED follows soon, unless it came before. Does not wait. `reason` is copied. */
void aic_link_end(struct aic_link *link, enum aic_status status, const char *reason);

/*
 * Runs `work` with the conversation on the loop's thread and waits for it. Not from the loop's thread itself, and not
 * with a lock held that an event callback takes.
 */
void aic_link_query(struct aic_link *link, void (*work)(struct aic_conversation *conversation, void *arg), void *arg);

/* Frames of caller audio refused because the ring was full. */
uint64_t aic_link_refused_frames(const struct aic_link *link);

/* The loop it lives on. */
struct aic_event_loop *aic_link_loop(const struct aic_link *link);

/* Whom a link is connected to. */
struct aic_link_peer {
	char address[64];       /* "203.0.113.5:443", of the proxy where there is one; empty: there is no connection */
	char tls[16];           /* "TLSv1.3"; empty: no TLS */
	char certificate[128];  /* whose it is; empty: no TLS */
	char issuer[128];       /* who says so */
	int64_t expires;        /* in seconds of Unix time; 0: not known */
	uint64_t round_trip_us; /* as the kernel has measured it */
};

/* The loop's thread, inside aic_link_query() or an event. */
void aic_link_describe_peer(const struct aic_link *link, struct aic_link_peer *peer);

/* Times a frame was offered again, because the line was busy. The loop's thread. */
uint64_t aic_link_late_frames(const struct aic_link *link);

/* Frames of idle audio that the line was given. The loop's thread. */
uint64_t aic_link_idle_frames(const struct aic_link *link);

#endif
