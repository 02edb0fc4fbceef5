/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "container_of.h"
#include "event_loop.h"
#include "fft.h"

#include "request.h"
#include "thread.h"
#include "virtual_hosts.h"
#include "websocket_frame.h"

#include <errno.h>
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Size of the read buffer all connections of a loop share. */
#define SERVICE_BUFFER 16384

/*
 * Shortest time between two rounds of a loop: while connections are being set up, with hasty conversations, and
 * without; see rest_until().
 */
#define SETUP_REST_US 500
#define REST_US 1500
#define LONG_REST_US 4000

/*
 * While a connection is being made or closed libwebsockets looks at it this often at least: what it waits for is not
 * known to anybody else.
 */
#define SETUP_TICK_US 1000

/* libwebsockets gets a full round this often at least: for its timers, and for sockets that have become writable. */
#define FULL_ROUND_US 20000

/* And for so long after the last connection was let go, which it has to close. */
#define LINGER_US 6000000

/*
 * Sockets served after one look at them: few, so that of many that are ready for ever others come first the next time.
 */
#define READY_MAX 16

/*
 * A service that sends without end must not keep the others waiting. In one round a socket gets so long, counted when
 * what was read at once (16 KiB) has been dealt with; once all together have taken so long, it is seen to what was
 * posted, and the rest is served in the next round.
 */
#define SHARE_US 500
#define ROUND_US 4000

/* Room for the headers of a request being opened, the URL's path included: a conversation_url may have 4096 bytes. */
#define HEADER_BUFFER 8192

struct aic_event_loop {
	pthread_t thread;
	struct aic_log log;
	struct aic_tls_sessions *tls_sessions;
	struct lws_context *context;
	struct lws_protocols protocols[2]; /* the one, and the end of the list */
	int epoll_fd; /* of the watched sockets, and of wake_fd */
	int wake_fd;
	_Atomic(struct aic_loop_task *) posted; /* newest first */
	atomic_bool asleep; /* who sets it back wakes the thread */
	atomic_bool stopping;
	atomic_bool failed; /* libwebsockets has */
	atomic_int hasty; /* conversations */
	atomic_uint calls;
	atomic_uint_fast64_t late_us; /* the latest timer */

	/* The thread's own. */
	struct aic_fft *fft; /* its calls' */
	struct aic_loop_member *members;
	struct aic_watched_socket *watched;
	size_t watched_count;
	struct aic_watched_socket *serving;      /* NULL once it is not watched any more */
	struct aic_watched_socket *next_to_look; /* in look_for_unread(), where the last one ended; NULL: at the first */
	struct aic_timers timers, prompt_timers;
	struct epoll_event ready[READY_MAX];     /* data.ptr is the watch; NULL: wake_fd, or not watched any more */
	int ready_count;
	int unsettled; /* connections that need libwebsockets' own rounds */
	bool full_round; /* has been asked for */
	bool unread;     /* a socket may have more that it does not report */
	uint64_t round;  /* counts them */
	uint64_t round_until_us; /* then others wait for too long */
	uint64_t next_full_round_us;
	uint64_t linger_until_us; /* libwebsockets may have connections to close until then */
	struct aic_virtual_hosts hosts;
	struct aic_websocket_masks masks;
};

static uint64_t microseconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

uint64_t aic_now_us(void)
{
	return microseconds_of(CLOCK_MONOTONIC);
}

uint64_t aic_unix_us(void)
{
	return microseconds_of(CLOCK_REALTIME);
}

struct lws_context *aic_event_loop_context(struct aic_event_loop *loop)
{
	return loop->context;
}

struct aic_websocket_masks *aic_event_loop_masks(struct aic_event_loop *loop)
{
	return &loop->masks;
}

static void wake(struct aic_event_loop *loop)
{
	if (atomic_exchange(&loop->asleep, false)) {
		/* Edge-triggered, so that nobody has to read it. A counter that is full wakes as well. */
		eventfd_write(loop->wake_fd, 1);
	}
}

/* Says that the thread is going to sleep. Returns false where it must not, because something has been posted. */
static bool may_sleep(struct aic_event_loop *loop)
{
	atomic_store(&loop->asleep, true);
	/* Said first, looked then: who posts after the look wakes us. */
	return !atomic_load(&loop->posted) && !atomic_load(&loop->stopping);
}

bool aic_event_loop_post(struct aic_event_loop *loop, struct aic_loop_task *task)
{
	struct aic_loop_task *head;

	if (atomic_exchange(&task->posted, true)) {
		return false;
	}
	head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
	do {
		task->next = head;
	} while (!atomic_compare_exchange_weak(&loop->posted, &head, task));
	wake(loop);
	return true;
}

bool aic_event_loop_has_failed(struct aic_event_loop *loop)
{
	return atomic_load(&loop->failed);
}

void aic_event_loop_join(struct aic_event_loop *loop, struct aic_loop_member *member)
{
	member->previous = NULL;
	member->next = loop->members;
	member->joined = true;
	if (loop->members) {
		loop->members->previous = member;
	}
	loop->members = member;
}

void aic_event_loop_leave(struct aic_event_loop *loop, struct aic_loop_member *member)
{
	if (!member->joined) {
		return;
	}
	member->joined = false;
	*(member->previous ? &member->previous->next : &loop->members) = member->next;
	if (member->next) {
		member->next->previous = member->previous;
	}
}

uint64_t aic_event_loop_late_us(struct aic_event_loop *loop)
{
	return atomic_load(&loop->late_us);
}

unsigned int aic_event_loop_calls(const struct aic_event_loop *loop)
{
	return atomic_load(&((struct aic_event_loop *) loop)->calls);
}

void aic_event_loop_count_call(struct aic_event_loop *loop, int change)
{
	atomic_fetch_add(&loop->calls, (unsigned int) change);
}

void aic_event_loop_count_hasty(struct aic_event_loop *loop, int change)
{
	atomic_fetch_add(&loop->hasty, change);
}

/* Runs what is posted. */
static void run_tasks(struct aic_event_loop *loop)
{
	struct aic_loop_task *task = atomic_exchange(&loop->posted, NULL), *in_order = NULL;

	while (task) {
		struct aic_loop_task *next = task->next;

		task->next = in_order;
		in_order = task;
		task = next;
	}
	while (in_order) {
		task = in_order;
		in_order = task->next;
		/* It may be posted again, or even freed, from here on. */
		atomic_store(&task->posted, false);
		task->run(task);
	}
}

static void sleep_until(uint64_t us)
{
	struct timespec until = {.tv_sec = (time_t) (us / 1000000), .tv_nsec = (long) (us % 1000000) * 1000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/*
 * Sleeps where the loop came round a moment ago. What comes meanwhile, from the calls and from the network, is then
 * served in one round: a loop with many calls comes round some hundred times a second, and not once for each of their
 * packets and messages. It wakes for a frame that is to be played.
 */
static void rest_until(struct aic_event_loop *loop, uint64_t us)
{
	uint64_t next_us = aic_timers_next(&loop->prompt_timers);

	us = next_us < us ? next_us : us;
	if (aic_now_us() < us) {
		sleep_until(us);
	}
}

/* A connection is let go. */
static void linger(struct aic_event_loop *loop)
{
	loop->linger_until_us = aic_now_us() + LINGER_US;
}

void aic_event_loop_set_timer(struct aic_event_loop *loop, struct aic_timer *timer, uint64_t due_us)
{
	aic_timers_set(&loop->timers, timer, due_us);
}

void aic_event_loop_set_prompt_timer(struct aic_event_loop *loop, struct aic_timer *timer, uint64_t due_us)
{
	aic_timers_set(&loop->prompt_timers, timer, due_us);
}

/* When the earliest timer of all is due. */
static uint64_t next_timer(const struct aic_event_loop *loop)
{
	uint64_t next_us = aic_timers_next(&loop->timers), prompt_us = aic_timers_next(&loop->prompt_timers);

	return next_us < prompt_us ? next_us : prompt_us;
}

int aic_event_loop_watch_fd(struct aic_event_loop *loop, struct aic_watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (watch->watched && watch->fd != fd) {
		aic_event_loop_unwatch_fd(loop, watch);
	}
	watch->fd = fd;
	/* Whether it is known already is the kernel's to say: it forgets what is closed. */
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) && (errno != EEXIST || epoll_ctl(loop->epoll_fd,
		EPOLL_CTL_MOD, fd, &event))) {
		return -1;
	}
	watch->watched = true;
	return 0;
}

void aic_event_loop_unwatch_fd(struct aic_event_loop *loop, struct aic_watch *watch)
{
	if (!watch->watched) {
		return;
	}
	watch->watched = false;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	/* This may happen while any descriptor is served. */
	for (int i = 0; i < loop->ready_count; i++) {
		if (loop->ready[i].data.ptr == watch) {
			loop->ready[i].data.ptr = NULL;
		}
	}
}

void aic_event_loop_watch(struct aic_event_loop *loop, struct aic_watched_socket *socket, int fd, SSL *tls)
{
	*socket = (struct aic_watched_socket) {.next = loop->watched, .tls = tls};
	if (loop->watched) {
		loop->watched->previous = socket;
	}
	loop->watched = socket;
	loop->watched_count++;
	if (tls) {
		SSL_set_read_ahead(tls, 1);
	}
	/* Where that fails the socket is served with the full rounds. */
	aic_event_loop_watch_fd(loop, &socket->watch, fd, EPOLLIN);
	socket->watch.watched = true;
}

void aic_event_loop_unwatch(struct aic_event_loop *loop, struct aic_watched_socket *socket)
{
	if (!socket->watch.watched) {
		return;
	}
	aic_event_loop_unwatch_fd(loop, &socket->watch);
	linger(loop);
	loop->watched_count--;
	*(socket->previous ? &socket->previous->next : &loop->watched) = socket->next;
	if (socket->next) {
		socket->next->previous = socket->previous;
	}
	if (loop->serving == socket) {
		loop->serving = NULL;
	}
	if (loop->next_to_look == socket) {
		loop->next_to_look = socket->next;
	}
}

void aic_event_loop_count_unsettled(struct aic_event_loop *loop, int change)
{
	loop->unsettled += change;
	if (change < 0) {
		linger(loop);
	}
}

void aic_event_loop_want_full_round(struct aic_event_loop *loop)
{
	loop->full_round = true;
}

/*
 * Whether OpenSSL has read more of the socket than it has handed on, and not only the beginning of a record. Once it
 * says goodbye, nobody reads it any more.
 */
static bool has_unread(struct aic_watched_socket *socket)
{
	return socket->tls && SSL_has_pending(socket->tls) && !SSL_want_read(socket->tls) && !SSL_get_shutdown(socket->tls);
}

/*
 * Has libwebsockets read from the socket until nothing is left that was read ahead: the socket does not report that any
 * more, and libwebsockets, which asks for the rest of the one record only, does not know of it. Returns nonzero on
 * failure.
 */
static int serve_socket(struct aic_event_loop *loop, struct aic_watched_socket *socket)
{
	struct lws_pollfd readable = {.fd = socket->watch.fd, .events = POLLIN};
	uint64_t until_us = aic_now_us() + SHARE_US;

	if (socket->sated_round == loop->round) {
		loop->unread |= has_unread(socket);
		return 0;
	}
	loop->serving = socket;
	do {
		readable.revents = POLLIN;
		if (lws_service_fd(loop->context, &readable) < 0) {
			return -1;
		}
		if (loop->serving && aic_now_us() >= until_us) {
			socket->sated_round = loop->round;
			loop->unread |= has_unread(socket);
			break;
		}
	} while (loop->serving && has_unread(socket));
	loop->serving = NULL;
	return 0;
}

/*
 * Sees to what sockets do not report. They take turns where that is more than one round allows. Returns nonzero on
 * failure.
 */
static int look_for_unread(struct aic_event_loop *loop)
{
	loop->unread = false;
	for (size_t left = loop->watched_count; left && loop->watched; left--) {
		struct aic_watched_socket *socket = loop->next_to_look ? loop->next_to_look : loop->watched;

		loop->next_to_look = socket->next;
		if (!has_unread(socket)) {
			continue;
		}
		if (serve_socket(loop, socket)) {
			return -1;
		}
		if (aic_now_us() >= loop->round_until_us) {
			loop->unread = true;
			break;
		}
	}
	return 0;
}

/* Has libwebsockets look at every socket and timer. Returns nonzero when it cannot go on. */
static int serve_all(struct aic_event_loop *loop)
{
	loop->full_round = false;
	loop->next_full_round_us = aic_now_us() + FULL_ROUND_US;
	/* A negative timeout is none. */
	return lws_service(loop->context, -1) < 0 || look_for_unread(loop);
}

/* Serves a socket that is ready and has not had its share. Returns 1, 0 where it has, or -1 on failure. */
static int serve_ready_socket(struct aic_event_loop *loop, struct aic_watched_socket *socket, uint32_t events)
{
	if (socket->sated_round == loop->round) {
		return 0;
	}
	if (events & (EPOLLHUP | EPOLLERR)) {
		/* What poll() says of it is what libwebsockets knows best. */
		loop->full_round = true;
		return 0;
	}
	return serve_socket(loop, socket) ? -1 : 1;
}

/* Serves what is reported ready. Returns how much, or -1 on failure of libwebsockets. */
static int serve_ready(struct aic_event_loop *loop, int *sockets)
{
	int served = 0, result;

	for (int i = 0; i < loop->ready_count; i++) {
		struct aic_watch *watch = loop->ready[i].data.ptr;

		if (!watch) {
			continue;
		}
		if (watch->ready) {
			watch->ready(watch, loop->ready[i].events);
			served++;
			continue;
		}
		result = serve_ready_socket(loop, AIC_CONTAINER_OF(watch, struct aic_watched_socket, watch),
			loop->ready[i].events);
		if (result < 0) {
			return -1;
		}
		served += result;
		*sockets += result;
	}
	loop->ready_count = 0;
	return served;
}

/* Waits for something to be ready, but not beyond that time. Returns how many are reported. */
static int wait_for_ready(struct aic_event_loop *loop, uint64_t until_us)
{
	uint64_t now_us = aic_now_us(), left_us = until_us > now_us ? until_us - now_us : 0;
	bool sleeps = left_us && may_sleep(loop);
	int reported, wait_ms = until_us == UINT64_MAX ? -1 : (int) (left_us / 1000);

	if (sleeps && !wait_ms) {
		/* Less than epoll can measure. Who wakes us meanwhile finds us awake soon enough. */
		sleep_until(until_us);
	}
	reported = loop->ready_count = epoll_wait(loop->epoll_fd, loop->ready, READY_MAX, sleeps ? wait_ms : 0);
	atomic_store(&loop->asleep, false);
	if (sleeps) {
		loop->round_until_us = aic_now_us() + ROUND_US;
	}
	return reported;
}

/* Until when there is nothing to do by itself. */
static uint64_t idle_until(struct aic_event_loop *loop)
{
	uint64_t now_us = aic_now_us(), next_us = next_timer(loop), round_us = UINT64_MAX;

	if (loop->unread || loop->full_round) {
		return now_us;
	}
	if (!atomic_load(&loop->failed)) {
		if (loop->unsettled) {
			round_us = now_us + SETUP_TICK_US;
		} else if (loop->watched || now_us < loop->linger_until_us) {
			round_us = loop->next_full_round_us;
		}
	}
	return next_us < round_us ? next_us : round_us;
}

/* Serves what is ready; waits for it, if there is nothing else to do. Returns nonzero on failure of libwebsockets. */
static int serve_watched(struct aic_event_loop *loop)
{
	int reported = wait_for_ready(loop, idle_until(loop)), served, sockets = 0;

	while ((served = serve_ready(loop, &sockets)) > 0) {
		if (reported < READY_MAX || aic_now_us() >= loop->round_until_us) {
			break;
		}
		reported = loop->ready_count = epoll_wait(loop->epoll_fd, loop->ready, READY_MAX, 0);
	}
	/* What libwebsockets itself has kept no socket reports. */
	if (sockets && !lws_service_adjust_timeout(loop->context, 1, 0)) {
		loop->full_round = true;
	}
	return served < 0;
}

/*
 * libwebsockets polls every socket at every round, which with many calls costs more than to serve them. Those with
 * nothing but messages to come are watched with epoll, and served singly; the full rounds do the rest: connections that
 * are being made or closed, its timers, sockets that were full.
 */
static int serve(struct aic_event_loop *loop)
{
	loop->round++;
	loop->round_until_us = aic_now_us() + ROUND_US;
	if (!atomic_load(&loop->failed)) {
		if (loop->unsettled || loop->full_round || ((loop->watched || aic_now_us() < loop->linger_until_us)
			&& aic_now_us() >= loop->next_full_round_us)) {
			if (serve_all(loop)) {
				return -1;
			}
		} else if (loop->unread && look_for_unread(loop)) {
			return -1;
		}
	}
	return serve_watched(loop);
}

static uint64_t rest_us(struct aic_event_loop *loop)
{
	return loop->unsettled ? SETUP_REST_US : atomic_load(&loop->hasty) ? REST_US : LONG_REST_US;
}

/* libwebsockets cannot go on: all that it served is over, and is told so. */
static void fail(struct aic_event_loop *loop)
{
	loop->serving = NULL;
	loop->ready_count = 0;
	loop->unread = loop->full_round = false;
	atomic_store(&loop->failed, true);
	loop->log.write(loop->log.user, AIC_LOG_ERROR, "libwebsockets cannot go on: the conversations it served have "
		"ended, and no others can begin; unload and load the module, or start the gateway anew");
	while (loop->members) {
		struct aic_loop_member *member = loop->members;

		aic_event_loop_leave(loop, member);
		member->failed(member);
	}
}

static void fire_timers(struct aic_event_loop *loop)
{
	uint64_t now_us = aic_now_us(), next_us = aic_timers_next(&loop->prompt_timers);

	if (next_us < now_us && now_us - next_us > atomic_load_explicit(&loop->late_us, memory_order_relaxed)) {
		atomic_store_explicit(&loop->late_us, now_us - next_us, memory_order_relaxed);
	}
	aic_timers_fire(&loop->prompt_timers, now_us);
	aic_timers_fire(&loop->timers, now_us);
}

static void *run(void *arg)
{
	struct aic_event_loop *loop = arg;
	uint64_t next_round_us = 0;

	while (!atomic_load(&loop->stopping)) {
		rest_until(loop, next_round_us);
		/*
		 * Counted from here and not from the end of the round, which may have waited long: what wakes the thread then
		 * finds it rested.
		 */
		next_round_us = aic_now_us() + rest_us(loop);
		run_tasks(loop);
		fire_timers(loop);
		if (serve(loop)) {
			fail(loop);
		}
	}
	return NULL;
}

struct lws_vhost *aic_event_loop_vhost(struct aic_event_loop *loop, const struct aic_tls_files *files,
	const struct aic_loop_proxy *proxy, char *error, size_t error_size)
{
	return aic_virtual_hosts_find(&loop->hosts, files, proxy, error, error_size);
}

/* With the context goes what its virtual hosts used. */
static void free_context(struct aic_event_loop *loop)
{
	lws_context_destroy(loop->context);
	aic_virtual_hosts_free(&loop->hosts);
}

/* Returns 0, or -1 with what is missing left at -1. */
static int open_epoll(struct aic_event_loop *loop)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event)) {
		return -1;
	}
	return 0;
}

struct aic_fft *aic_event_loop_fft(struct aic_event_loop *loop)
{
	return loop->fft;
}

static void free_loop(struct aic_event_loop *loop)
{
	aic_fft_free(loop->fft);
	if (loop->epoll_fd >= 0) {
		close(loop->epoll_fd);
	}
	if (loop->wake_fd >= 0) {
		close(loop->wake_fd);
	}
	free(loop);
}

struct aic_event_loop *aic_event_loop_new(const struct lws_protocols *protocol, struct aic_tls_sessions *tls_sessions,
	struct aic_log log)
{
	struct lws_context_creation_info info = {0};
	struct aic_event_loop *loop = calloc(1, sizeof(*loop));
	char error[256] = "";

	if (!loop) {
		return NULL;
	}
	loop->log = log;
	loop->tls_sessions = tls_sessions;
	loop->protocols[0] = *protocol;
	atomic_init(&loop->posted, NULL);
	atomic_init(&loop->asleep, false);
	atomic_init(&loop->stopping, false);
	atomic_init(&loop->failed, false);
	atomic_init(&loop->hasty, 0);
	if (!(loop->fft = aic_fft_new())) {
		free(loop);
		return NULL;
	}
	if (open_epoll(loop)) {
		log.write(log.user, AIC_LOG_ERROR, "the network thread could not be started: no file descriptor is free");
		free_loop(loop);
		return NULL;
	}

	/* Everything worth knowing reaches the conversation; libwebsockets' own lines would name hosts and paths. */
	lws_set_log_level(0, NULL);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.protocols = loop->protocols;
	info.gid = (__typeof__(info.gid)) -1;
	info.uid = (__typeof__(info.uid)) -1;
	info.pt_serv_buf_size = SERVICE_BUFFER;
	info.max_http_header_data = HEADER_BUFFER;
	info.timeout_secs = AIC_SETUP_LIMIT_SECONDS;
	info.user = loop;
	if (!(loop->context = lws_create_context(&info))) {
		log.write(log.user, AIC_LOG_ERROR, "libwebsockets could not be started");
		free_loop(loop);
		return NULL;
	}
	loop->hosts = (struct aic_virtual_hosts) {.context = loop->context, .protocols = loop->protocols,
		.tls_sessions = tls_sessions};
	if (!aic_event_loop_vhost(loop, &(struct aic_tls_files) {0}, NULL, error, sizeof(error))
		|| aic_thread_start(&loop->thread, "aiconvai-net", run,
		loop)) {
		log.write(log.user, AIC_LOG_ERROR, error[0] ? error : "the network thread could not be started");
		free_context(loop);
		free_loop(loop);
		return NULL;
	}
	return loop;
}

void aic_event_loop_free(struct aic_event_loop *loop)
{
	if (!loop) {
		return;
	}
	atomic_store(&loop->stopping, true);
	wake(loop);
	pthread_join(loop->thread, NULL);
	/* The thread is gone, so that this one may take its place. */
	run_tasks(loop);
	free_context(loop);
	run_tasks(loop);
	free_loop(loop);
}
