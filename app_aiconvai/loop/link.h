/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A link joins one conversation to the network: it opens what the conversation asks for, carries its messages both ways
 * and keeps its time.
 *
 * Threads. The conversation, the connection and everything marked so below belong to the loop's thread. The call's
 * thread hands over audio and keys through two lock-free rings; other threads hand over work and wait for it. Reference
 * counted: the creator holds one reference, the loop another from start until the connection is gone. That may be later
 * than the end of the conversation, so the link tells its creator when it needs what it was given no more.
 *
 * Events come on the loop's thread, none before aic_link_start() and none after AIC_EVENT_ENDED. The callback must not
 * wait for the call's thread or for a channel.
 */
#ifndef AIC_LINK_H
#define AIC_LINK_H

#include "conversation.h"
#include "event_loop.h"
#include "resolver.h"

struct lws_protocols;

/* The one protocol of the loops that serve links: what aic_event_loop_new() is given. */
extern const struct lws_protocols aic_link_protocol;

struct aic_link;

/*
 * `loop` and `resolver` must outlive the link; what `setup` points to must live until `on_freed` is called with
 * setup->user (on any thread, once, when the last reference is gone). Returns NULL when memory is short; then on_freed
 * is not called.
 */
struct aic_link *aic_link_new(struct aic_event_loop *loop, struct aic_resolver *resolver,
	const struct aic_conversation_setup *setup, void (*on_freed)(void *user));

/* Takes another reference. Any thread that may be sure the link is alive. */
void aic_link_hold(struct aic_link *link);

/*
 * Drops a reference, the creator's for the last. The conversation must have been told to end, or never have been
 * started.
 */
void aic_link_release(struct aic_link *link);

/* Begins the conversation. Once. */
void aic_link_start(struct aic_link *link);

/* --- the call's thread --- */

/*
 * Takes caller audio in the line format. Never blocks or allocates; audio is refused whole (and counted) when the ring
 * is full.
 */
bool aic_link_caller_audio(struct aic_link *link, const uint8_t *bytes, size_t length);

/* The caller pressed a key. */
void aic_link_dtmf(struct aic_link *link, char digit);

/* --- any thread --- */

/* Asks for the end; AIC_EVENT_ENDED follows soon, unless it came before. Does not wait. `reason` is copied. */
void aic_link_end(struct aic_link *link, enum aic_status status, const char *reason);

/*
 * Runs `work` with the conversation on the loop's thread and waits for it. Not from the loop's thread itself, and not
 * with a lock held that an event callback takes.
 */
void aic_link_query(struct aic_link *link, void (*work)(struct aic_conversation *conversation, void *arg), void *arg);

/* Frames of caller audio refused because the ring was full. */
uint64_t aic_link_refused_frames(const struct aic_link *link);

#endif
