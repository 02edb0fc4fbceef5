/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A loop: one thread, and the calls that live on it with all they have: lines, sockets, conversations, timers. What is
 * to be waited for is in one epoll; libwebsockets is touched on this thread only.
 *
 * A round of the loop runs what was posted, fires the timers that are due and serves the descriptors that are ready.
 * Between two rounds it rests for a moment, so that what many calls bring meanwhile is served by one wake-up.
 */
#ifndef AIC_EVENT_LOOP_H
#define AIC_EVENT_LOOP_H

#include "log.h"
#include "timers.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_event_loop;
struct aic_fft;
struct aic_loop_proxy;
struct aic_tls_files;
struct aic_tls_sessions;
struct lws_context;
struct lws_protocols;
struct lws_vhost;
struct ssl_st;

/*
 * A descriptor that the loop watches. It belongs to whoever has it watched and begins as zeros but for `ready`; what
 * else is in it is the loop's.
 */
struct aic_watch {
	/* It is ready: `events` as epoll has them. Takes what is there once, and does not wait. NULL: a socket's. */
	void (*ready)(struct aic_watch *watch, uint32_t events);
	int fd;
	bool watched;
};

/*
 * The place of a connection's socket among those the loop watches. It belongs to the connection and begins as zeros;
 * what is in it is the loop's.
 */
struct aic_watched_socket {
	struct aic_watch watch;
	struct aic_watched_socket *previous, *next;
	struct ssl_st *tls;
	uint64_t sated_round; /* the one in which it had its share */
};

/* Work for a loop. It belongs to whoever posted it until it runs. */
struct aic_loop_task {
	struct aic_loop_task *next; /* the loop's */
	atomic_bool posted;         /* the loop's */
	void (*run)(struct aic_loop_task *task);
};

/*
 * Who wants to know when the loop can serve no connection any more, because libwebsockets fails. It then still runs
 * what is posted. It belongs to whoever joined, begins as zeros, and what is in it besides `failed` is the loop's.
 */
struct aic_loop_member {
	struct aic_loop_member *previous, *next;
	bool joined;
	void (*failed)(struct aic_loop_member *member); /* it is no member any more then */
};

/*
 * Starts the thread. `protocol` is the one protocol of all its connections, and its user pointer (of the context) the
 * loop. `tls_sessions` must outlive it, and may serve other loops. Returns NULL when that fails (and has logged why).
 */
struct aic_event_loop *aic_event_loop_new(const struct lws_protocols *protocol, struct aic_tls_sessions *tls_sessions,
	struct aic_log log);

/* What the calls that live on it compute spectra with, on its thread. It is the loop's. */
struct aic_fft *aic_event_loop_fft(struct aic_event_loop *loop);

/* Runs what is posted, closes every connection and joins the thread. Nothing may be posted any more. */
void aic_event_loop_free(struct aic_event_loop *loop);

/*
 * Has `task` run soon on the loop's thread. Returns false where it is posted already and has not begun: it is not
 * posted twice. Any thread; never blocks: a lock-free list, and one wake-up for all that is posted until the loop comes
 * round.
 */
bool aic_event_loop_post(struct aic_event_loop *loop, struct aic_loop_task *task);

/* Whether that has happened. Any thread. */
bool aic_event_loop_has_failed(struct aic_event_loop *loop);

/*
 * A conversation that is hasty (small chunks of caller audio) begins (+1) or is over (-1). While there is one the loop
 * comes round more often: what is a good rest beside 240 ms of audio is not beside 20. Any thread.
 */
void aic_event_loop_count_hasty(struct aic_event_loop *loop, int change);

/* How long after its time the latest timer fired in microseconds. Any thread. */
uint64_t aic_event_loop_late_us(struct aic_event_loop *loop);

/* Calls that live on it. Any thread. */
unsigned int aic_event_loop_calls(const struct aic_event_loop *loop);

/* One more (+1) or less (-1) of them. Any thread. */
void aic_event_loop_count_call(struct aic_event_loop *loop, int change);

/* --- on the loop's thread --- */

/* Is told when the loop fails, from now on; not any more, if it was to be. */
void aic_event_loop_join(struct aic_event_loop *loop, struct aic_loop_member *member);
void aic_event_loop_leave(struct aic_event_loop *loop, struct aic_loop_member *member);

/*
 * Has the timer fire at that time of aic_now_us(), and not at the one it was set for, or when the loop has rested then.
 * UINT64_MAX: not at all.
 */
void aic_event_loop_set_timer(struct aic_event_loop *loop, struct aic_timer *timer, uint64_t due_us);

/*
 * The same for a timer by which something is to be heard: it ends the loop's rest. A timer is set by one of them,
 * always.
 */
void aic_event_loop_set_prompt_timer(struct aic_event_loop *loop, struct aic_timer *timer, uint64_t due_us);

/*
 * Has watch->ready called, once for each round, while one of `events` (EPOLLIN, ...) is to be had from `fd`. To say so
 * again of the same descriptor is harmless, and needed where it may have been closed and opened meanwhile. Returns 0,
 * or -1 where the kernel does not take it.
 */
int aic_event_loop_watch_fd(struct aic_event_loop *loop, struct aic_watch *watch, int fd, uint32_t events);

/* Not any more, if it was. The descriptor may be closed already. */
void aic_event_loop_unwatch_fd(struct aic_event_loop *loop, struct aic_watch *watch);

/*
 * A connection from which only messages are to be expected: its socket is served when it has something to read. `tls`
 * is NULL where it has none; with it, OpenSSL reads as much as there is at once from now on, and not each record's
 * header first. `fd` and `tls` are the connection's.
 */
void aic_event_loop_watch(struct aic_event_loop *loop, struct aic_watched_socket *socket, int fd, struct ssl_st *tls);

/* Not so any more, if it was. Before the socket is closed. */
void aic_event_loop_unwatch(struct aic_event_loop *loop, struct aic_watched_socket *socket);

/*
 * A connection begins (+1) to be made or closed, or is done with that (-1): while there is one the rests are short, and
 * every round is a full one.
 */
void aic_event_loop_count_unsettled(struct aic_event_loop *loop, int change);

/* libwebsockets was asked to say when a socket takes more, or keeps what it did not take: that wants a full round. */
void aic_event_loop_want_full_round(struct aic_event_loop *loop);

struct lws_context *aic_event_loop_context(struct aic_event_loop *loop);

/* Of all messages that its conversations send. */
struct aic_websocket_masks *aic_event_loop_masks(struct aic_event_loop *loop);

/* As aic_virtual_hosts_find() of the loop's virtual hosts (virtual_hosts.h). */
struct lws_vhost *aic_event_loop_vhost(struct aic_event_loop *loop, const struct aic_tls_files *files,
	const struct aic_loop_proxy *proxy, char *error, size_t error_size);

/* Microseconds of CLOCK_MONOTONIC. Any thread. */
uint64_t aic_now_us(void);

/* Microseconds since 1970. Any thread. */
uint64_t aic_unix_us(void);

#endif
