/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "gateway.h"

#include "container_of.h"
#include "gateway_call.h"
#include "gateway_events.h"
#include "loops.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Listening sockets. */
#define LISTENERS_MAX 64

/* Connections that the kernel keeps for us. */
#define BACKLOG 128

/* Connections taken in a round of the loop; more wait for the next one. */
#define ACCEPTS_A_ROUND 16

/*
 * Of a connection that is ours on both ends: some 25 messages of 20 ms, as the kernel counts. What the other end does
 * not take in that time is lost; it would only come late.
 */
#define PAIR_BYTES 16384

/* The highest rate that the engine carries. */
#define PAIR_RATE_MAX 48000

/* Where accept() fails (no descriptor is left) it is tried again so late. */
#define ACCEPT_AGAIN_US 100000

struct listener {
	struct aic_gateway *gateway;
	struct aic_watch watch;
	struct aic_timer timer; /* to go on after a failure */
	struct aic_loop_task task;
	int fd;
	uint16_t port;
	struct aic_peers peers;
};

struct aic_gateway {
	/* Never change after creation. */
	struct aic_loops *loops; /* owned */
	unsigned int max_calls;
	struct gateway_call_host call_host;

	struct aic_gateway_events events;

	pthread_mutex_t lock; /* held for a few instructions only; a call's own is never locked meanwhile */
	pthread_cond_t fewer;
	/* Guarded by it. */
	struct gateway_call **calls; /* owned: max_calls places, by the call's number modulo that; NULL: free */
	unsigned int count; /* with those that are being made, whose place is `reserved` */
	uint64_t last_id;
	bool ending;
	struct listener *listeners[LISTENERS_MAX]; /* owned */
	size_t listener_count;
	unsigned int rtp_opened; /* sessions */

	uint64_t refused; /* connections; the first loop's thread's own */
};

/* --- the table of calls --- */

/* Stands in the table for a call that is being made. */
static struct gateway_call reserved;

/* Takes a place; the number of the call that it is for, or 0: there is none. */
static uint64_t take_place(struct aic_gateway *gateway)
{
	uint64_t id = 0;

	pthread_mutex_lock(&gateway->lock);
	if (!gateway->ending && gateway->count < gateway->max_calls) {
		do {
			id = ++gateway->last_id;
		} while (gateway->calls[id % gateway->max_calls]);
		gateway->calls[id % gateway->max_calls] = &reserved;
		gateway->count++;
	}
	pthread_mutex_unlock(&gateway->lock);
	return id;
}

static void put_in_place(struct aic_gateway *gateway, uint64_t id, struct gateway_call *call)
{
	pthread_mutex_lock(&gateway->lock);
	gateway->calls[id % gateway->max_calls] = call;
	if (!call) {
		gateway->count--;
		pthread_cond_broadcast(&gateway->fewer);
	}
	pthread_mutex_unlock(&gateway->lock);
}

/* With a reference for the caller; NULL: it is over. */
static struct gateway_call *find(struct aic_gateway *gateway, uint64_t id)
{
	struct gateway_call *call;

	pthread_mutex_lock(&gateway->lock);
	call = gateway->calls[id % gateway->max_calls];
	call = call && call->id == id ? call : NULL;
	if (call) {
		gateway_call_hold(call);
	}
	pthread_mutex_unlock(&gateway->lock);
	return call;
}

/* A call tells that it is over. */
static void on_over(void *user, uint64_t id)
{
	struct aic_gateway *gateway = user;
	struct gateway_call *call = find(gateway, id);

	put_in_place(gateway, id, NULL);
	if (call) {
		/* What find() took, and the table's. */
		gateway_call_release(call);
		gateway_call_release(call);
	}
}

/* --- connections --- */

static void log_text(struct aic_gateway *gateway, const char *text)
{
	struct aic_gateway_event event = {.type = AIC_GATEWAY_LOG, .text = text};

	aic_gateway_events_put(&gateway->events, &event);
}

static void refuse(struct aic_gateway *gateway, int fd, const char *peer, const char *why)
{
	char text[160];

	close(fd);
	/* One of them after the other would fill a log: powers of two are said. */
	gateway->refused++;
	if (!(gateway->refused & (gateway->refused - 1))) {
		snprintf(text, sizeof(text), "a connection from %s was refused, the %llu. of all refused ones: %s", peer,
			(unsigned long long) gateway->refused, why);
		log_text(gateway, text);
	}
}

/* In the place that was taken for it. Returns false when memory is short. */
static bool make_call(struct aic_gateway *gateway, uint64_t id, const struct gateway_call_way *way)
{
	struct gateway_call *call = gateway_call_new(&gateway->call_host, id, aic_loops_choose(gateway->loops), way);

	put_in_place(gateway, id, call);
	if (call) {
		gateway_call_begin(call);
	}
	return call != NULL;
}

/* Of a door that we open. Returns its number; 0 where there is none, with a sentence in `error`, and no socket then. */
static uint64_t open_call(struct aic_gateway *gateway, const struct gateway_call_way *way, char *error,
	size_t error_size)
{
	uint64_t id = take_place(gateway);

	if (!id) {
		snprintf(error, error_size, "there are as many calls as may be");
		if (way->fd >= 0) {
			close(way->fd);
		}
		return 0;
	}
	snprintf(error, error_size, "out of memory");
	return make_call(gateway, id, way) ? id : 0;
}

static void take_connection(struct listener *listener, int fd, const struct sockaddr_storage *address)
{
	struct aic_gateway *gateway = listener->gateway;
	struct gateway_call_way way = {.door = GATEWAY_CALL_AUDIOSOCKET, .fd = fd, .port = listener->port};
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "";
	int on = 1;
	uint64_t id;

	getnameinfo((const struct sockaddr *) address, sizeof(*address), host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(way.peer, sizeof(way.peer), "%s:%s", host, port);
	if (!aic_peers_have(&listener->peers, address)) {
		refuse(gateway, fd, way.peer, "it is none of those that may connect");
		return;
	}
	if (aic_gateway_events_are_full(&gateway->events)) {
		refuse(gateway, fd, way.peer, "nobody takes what is told of calls");
		return;
	}
	if (!(id = take_place(gateway))) {
		refuse(gateway, fd, way.peer, "there are as many calls as may be");
		return;
	}
	/* Each message is one segment: older Asterisks do not wait for the rest of one. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	make_call(gateway, id, &way);
}

static void watch_listener(struct listener *listener)
{
	if (aic_event_loop_watch_fd(aic_loops_first(listener->gateway->loops), &listener->watch, listener->fd, EPOLLIN)) {
		log_text(listener->gateway, "a listening socket cannot be waited for: no connection is taken");
	}
}

static void on_connections(struct aic_watch *watch, uint32_t events)
{
	struct listener *listener = AIC_CONTAINER_OF(watch, struct listener, watch);
	struct aic_event_loop *loop = aic_loops_first(listener->gateway->loops);

	(void) events;
	for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t length = sizeof(peer);
		int fd = accept4(listener->fd, (struct sockaddr *) &peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_connection(listener, fd, &peer);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			char text[128];

			snprintf(text, sizeof(text), "port %u: no connection can be taken for now: %m", listener->port);
			log_text(listener->gateway, text);
			aic_event_loop_unwatch_fd(loop, &listener->watch);
			aic_event_loop_set_timer(loop, &listener->timer, aic_now_us() + ACCEPT_AGAIN_US);
			return;
		}
	}
}

static void on_accept_again(struct aic_timer *timer)
{
	watch_listener(AIC_CONTAINER_OF(timer, struct listener, timer));
}

/* Takes a listener up; or lets go of it. */
static void on_listener_task(struct aic_loop_task *task)
{
	struct listener *listener = AIC_CONTAINER_OF(task, struct listener, task);
	struct aic_gateway *gateway = listener->gateway;
	struct aic_event_loop *loop = aic_loops_first(gateway->loops);
	bool ending;

	pthread_mutex_lock(&gateway->lock);
	ending = gateway->ending;
	pthread_mutex_unlock(&gateway->lock);
	if (!ending) {
		watch_listener(listener);
		return;
	}
	aic_event_loop_unwatch_fd(loop, &listener->watch);
	aic_event_loop_set_timer(loop, &listener->timer, UINT64_MAX);
	close(listener->fd);
	pthread_mutex_lock(&gateway->lock);
	gateway->listener_count--;
	pthread_cond_broadcast(&gateway->fewer);
	pthread_mutex_unlock(&gateway->lock);
	free(listener);
}

/* A socket of that kind that is bound there; -1, with why in errno or a sentence in `error`. */
static int bind_at(const char *address, uint16_t port, int kind, char *error, size_t error_size)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = kind};
	struct addrinfo *found;
	char service[8];
	int on = 1, fd, problem;

	snprintf(service, sizeof(service), "%u", port);
	if ((problem = getaddrinfo(address, service, &hints, &found))) {
		snprintf(error, error_size, "%s: expected an address: %s", address, gai_strerror(problem));
		return -1;
	}
	fd = socket(found->ai_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* A port of UDP that another one has is not to be shared. */
	if (fd < 0 || (kind == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		|| bind(fd, found->ai_addr, found->ai_addrlen)) {
		snprintf(error, error_size, "%s:%u: %m", address, port);
		if (fd >= 0) {
			close(fd);
		}
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* The port that a socket is bound to. */
static uint16_t port_of(int fd)
{
	union {
		struct sockaddr_in6 ipv6;
		struct sockaddr_in ipv4;
		struct sockaddr any;
	} bound = {.ipv6 = {0}};
	socklen_t length = sizeof(bound);

	getsockname(fd, &bound.any, &length);
	return ntohs(bound.any.sa_family == AF_INET ? bound.ipv4.sin_port : bound.ipv6.sin6_port);
}

/* A socket that listens there; -1, with a sentence in `error`. Changes `port` to the one that it is. */
static int listen_at(const char *address, uint16_t *port, char *error, size_t error_size)
{
	int fd = bind_at(address, *port, SOCK_STREAM, error, error_size);

	if (fd >= 0 && listen(fd, BACKLOG)) {
		snprintf(error, error_size, "%s:%u: %m", address, *port);
		close(fd);
		return -1;
	}
	if (fd >= 0) {
		*port = port_of(fd);
	}
	return fd;
}

int aic_gateway_listen(struct aic_gateway *gateway, const char *address, uint16_t port,
	const struct aic_peers *peers, char *error, size_t error_size)
{
	struct listener *listener;
	bool has_room;
	int fd;

	if ((fd = listen_at(address, &port, error, error_size)) < 0) {
		return -1;
	}
	listener = calloc(1, sizeof(*listener));
	pthread_mutex_lock(&gateway->lock);
	if ((has_room = listener && gateway->listener_count < LISTENERS_MAX)) {
		gateway->listeners[gateway->listener_count++] = listener;
	}
	pthread_mutex_unlock(&gateway->lock);
	if (!has_room) {
		snprintf(error, error_size, "%s:%u: out of memory, or more than %d ports", address, port, LISTENERS_MAX);
		close(fd);
		free(listener);
		return -1;
	}
	listener->gateway = gateway;
	listener->fd = fd;
	listener->port = port;
	listener->watch.ready = on_connections;
	listener->timer.fire = on_accept_again;
	listener->task.run = on_listener_task;
	listener->peers = *peers;
	aic_event_loop_post(aic_loops_first(gateway->loops), &listener->task);
	return port;
}

/* --- sessions of RTP --- */

/* A socket at one of the even ports, beginning with another one each time; -1, with a sentence in `error`. */
static int bind_rtp(struct aic_gateway *gateway, const char *address, uint16_t first, uint16_t last, char *error,
	size_t error_size)
{
	unsigned int even = first + (first & 1u), count = last >= even ? (last - even) / 2u + 1 : 0, begin;

	snprintf(error, error_size, "%u to %u: expected an even port among them", first, last);
	pthread_mutex_lock(&gateway->lock);
	begin = gateway->rtp_opened++;
	pthread_mutex_unlock(&gateway->lock);
	for (unsigned int i = 0; i < count; i++) {
		int fd = bind_at(address, (uint16_t) (even + (begin + i) % count * 2), SOCK_DGRAM, error, error_size);

		if (fd >= 0) {
			return fd;
		}
	}
	return -1;
}

uint64_t aic_gateway_open_rtp(struct aic_gateway *gateway, const char *address, uint16_t first, uint16_t last,
	enum aic_rtp_payload_type codec, const struct aic_peers *peers, uint16_t *port, char *error, size_t error_size)
{
	struct gateway_call_way way = {.door = GATEWAY_CALL_RTP, .codec = codec, .peers = *peers};

	if (codec == AIC_RTP_COMFORT_NOISE || (codec == AIC_RTP_G722 && !aic_g722_is_there())) {
		snprintf(error, error_size, "RTP is G.711 here, or G.722 where it was built with spandsp");
		return 0;
	}
	if ((way.fd = bind_rtp(gateway, address, first, last, error, error_size)) < 0) {
		return 0;
	}
	way.port = *port = port_of(way.fd);
	return open_call(gateway, &way, error, error_size);
}

int aic_gateway_rtp_peer(struct aic_gateway *gateway, uint64_t id, const char *address, uint16_t port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
	struct gateway_call *call = find(gateway, id);
	struct sockaddr_storage peer = {0};
	struct addrinfo *found = NULL;
	char service[8];
	int result = -1;

	snprintf(service, sizeof(service), "%u", port);
	if (call && !getaddrinfo(address, service, &hints, &found)) {
		memcpy(&peer, found->ai_addr, found->ai_addrlen);
		gateway_call_set_peer(call, &peer, found->ai_addrlen);
		freeaddrinfo(found);
		result = 0;
	}
	if (call) {
		gateway_call_release(call);
	}
	return result;
}

/* --- WebSockets, and what is known of connections --- */

uint64_t aic_gateway_open_websocket(struct aic_gateway *gateway, const char *url, const char *address, uint32_t rate,
	char *error, size_t error_size)
{
	struct gateway_call_way way = {.door = GATEWAY_CALL_WEBSOCKET, .fd = -1, .format = {AIC_ENCODING_PCM16, rate}};

	if (strlen(url) >= sizeof(way.place.url) || strlen(address) >= sizeof(way.place.address)) {
		snprintf(error, error_size, "expected a URL of at most %zu bytes", sizeof(way.place.url) - 1);
		return 0;
	}
	snprintf(way.place.url, sizeof(way.place.url), "%s", url);
	snprintf(way.place.address, sizeof(way.place.address), "%s", address);
	return open_call(gateway, &way, error, error_size);
}

int aic_gateway_expect(struct aic_gateway *gateway, uint64_t id, uint32_t rate)
{
	struct gateway_call *call = find(gateway, id);

	if (!call) {
		return -1;
	}
	gateway_call_expect(call, rate);
	gateway_call_release(call);
	return 0;
}

/* --- connections that are ours on both ends --- */

/* A pair of them, of which the first, ours, has little room for what is not read; false, with a sentence in `error`. */
static bool make_pair(int pair[2], char *error, size_t error_size)
{
	int bytes = PAIR_BYTES;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair)) {
		snprintf(error, error_size, "no connection can be opened: %m");
		return false;
	}
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return true;
}

uint64_t aic_gateway_open_audiosocket(struct aic_gateway *gateway, uint32_t rate, int *fd, char *error,
	size_t error_size)
{
	struct gateway_call_way way = {.rate = rate};
	int pair[2];
	uint64_t id;

	if (rate > PAIR_RATE_MAX || aic_audiosocket_kind_of_rate(rate) == AIC_AUDIOSOCKET_TERMINATE) {
		snprintf(error, error_size, "%u Hz: expected a rate that AudioSocket has, up to %d", rate, PAIR_RATE_MAX);
		return 0;
	}
	if (aic_gateway_events_are_full(&gateway->events)) {
		snprintf(error, error_size, "nobody takes what is told of calls");
		return 0;
	}
	if (!make_pair(pair, error, error_size)) {
		return 0;
	}
	way.fd = pair[0];
	if (!(id = open_call(gateway, &way, error, error_size))) {
		close(pair[1]);
		return 0;
	}
	*fd = pair[1];
	return id;
}

/* --- its life --- */

/* What the loops have to say. */
static void on_log(void *user, enum aic_log_level level, const char *message)
{
	(void) level;
	log_text(user, message);
}

struct aic_gateway *aic_gateway_new(unsigned int loops, unsigned int max_calls, char *error, size_t error_size)
{
	struct aic_gateway *gateway = calloc(1, sizeof(*gateway));

	snprintf(error, error_size, "out of memory");
	if (!gateway || !max_calls || !(gateway->calls = calloc(max_calls, sizeof(struct gateway_call *)))) {
		free(gateway);
		return NULL;
	}
	gateway->max_calls = max_calls;
	pthread_mutex_init(&gateway->lock, NULL);
	pthread_cond_init(&gateway->fewer, NULL);
	if (aic_gateway_events_init(&gateway->events)
		|| !(gateway->loops = aic_loops_new(loops, (struct aic_log) {on_log, gateway}))) {
		snprintf(error, error_size, "threads or descriptors are short");
		aic_gateway_events_clear(&gateway->events);
		pthread_cond_destroy(&gateway->fewer);
		pthread_mutex_destroy(&gateway->lock);
		free(gateway->calls);
		free(gateway);
		return NULL;
	}
	gateway->call_host = (struct gateway_call_host) {.events = &gateway->events,
		.resolver = aic_loops_resolver(gateway->loops), .over = on_over, .user = gateway};
	return gateway;
}

/* Takes no connection any more, and ends all there are. */
static void end_all(struct aic_gateway *gateway)
{
	struct listener *listeners[LISTENERS_MAX];
	size_t listener_count;

	pthread_mutex_lock(&gateway->lock);
	gateway->ending = true;
	listener_count = gateway->listener_count;
	memcpy(listeners, gateway->listeners, sizeof(listeners));
	pthread_mutex_unlock(&gateway->lock);
	for (size_t i = 0; i < listener_count; i++) {
		aic_event_loop_post(aic_loops_first(gateway->loops), &listeners[i]->task);
	}
	for (unsigned int i = 0; i < gateway->max_calls; i++) {
		struct gateway_call *call;

		pthread_mutex_lock(&gateway->lock);
		call = gateway->calls[i] == &reserved ? NULL : gateway->calls[i];
		if (call) {
			gateway_call_hold(call);
		}
		pthread_mutex_unlock(&gateway->lock);
		if (call) {
			gateway_call_hang_up(call);
			gateway_call_release(call);
		}
	}
}

void aic_gateway_free(struct aic_gateway *gateway)
{
	end_all(gateway);
	pthread_mutex_lock(&gateway->lock);
	while (gateway->count || gateway->listener_count) {
		pthread_cond_wait(&gateway->fewer, &gateway->lock);
	}
	pthread_mutex_unlock(&gateway->lock);
	aic_loops_free(gateway->loops);
	aic_gateway_events_clear(&gateway->events);
	pthread_cond_destroy(&gateway->fewer);
	pthread_mutex_destroy(&gateway->lock);
	free(gateway->calls);
	free(gateway);
}

int aic_gateway_events_fd(struct aic_gateway *gateway)
{
	return gateway->events.fd;
}

struct aic_gateway_event *aic_gateway_next_event(struct aic_gateway *gateway)
{
	return aic_gateway_events_take(&gateway->events);
}

/* --- a call --- */

int aic_gateway_converse(struct aic_gateway *gateway, uint64_t id, const struct aic_gateway_start *start)
{
	struct gateway_call *call = find(gateway, id);
	int result = call ? gateway_call_converse(call, start) : -1;

	if (call) {
		gateway_call_release(call);
	}
	return result;
}

int aic_gateway_hang_up(struct aic_gateway *gateway, uint64_t id)
{
	struct gateway_call *call = find(gateway, id);

	if (!call) {
		return -1;
	}
	gateway_call_hang_up(call);
	gateway_call_release(call);
	return 0;
}

/* The call's link, with a reference for the caller; NULL: it has none. */
static struct aic_link *link_of(struct aic_gateway *gateway, uint64_t id)
{
	struct gateway_call *call = find(gateway, id);
	struct aic_link *link = call ? gateway_call_link(call) : NULL;

	if (call) {
		gateway_call_release(call);
	}
	return link;
}

int aic_gateway_end(struct aic_gateway *gateway, uint64_t id, enum aic_status status, const char *reason)
{
	struct aic_link *link = link_of(gateway, id);

	if (!link) {
		return -1;
	}
	aic_link_end(link, status, reason);
	aic_link_release(link);
	return 0;
}

int aic_gateway_query(struct aic_gateway *gateway, uint64_t id,
	void (*work)(struct aic_conversation *conversation, void *arg), void *arg)
{
	struct aic_link *link = link_of(gateway, id);

	if (!link) {
		return -1;
	}
	aic_link_query(link, work, arg);
	aic_link_release(link);
	return 0;
}

/* What is asked of a conversation, and what comes of it. */
struct request {
	const char *id, *text;
	bool is_error, silent, at_once;
	const struct aic_variable *variables;
	size_t count;
	int result;
	const char *problem;
};

static int ask(struct aic_gateway *gateway, uint64_t id,
	void (*work)(struct aic_conversation *conversation, void *arg), struct request request)
{
	request.result = -1;
	return aic_gateway_query(gateway, id, work, &request) ? -1 : request.result;
}

static void tell_context(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_context(conversation, request->text);
}

int aic_gateway_context(struct aic_gateway *gateway, uint64_t id, const char *text)
{
	return ask(gateway, id, tell_context, (struct request) {.text = text});
}

static void tell_message(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_user_message(conversation, request->text);
}

int aic_gateway_user_message(struct aic_gateway *gateway, uint64_t id, const char *text)
{
	return ask(gateway, id, tell_message, (struct request) {.text = text});
}

static void tell_result(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_tool_result(conversation, request->id, request->text, request->is_error,
		request->silent);
}

int aic_gateway_tool_result(struct aic_gateway *gateway, uint64_t id, const char *tool_id, const char *result,
	bool is_error, bool silent)
{
	return ask(gateway, id, tell_result, (struct request) {.id = tool_id, .text = result, .is_error = is_error,
		.silent = silent});
}

static void press(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	aic_conversation_dtmf(conversation, *request->text, aic_now_us());
	request->result = 0;
}

int aic_gateway_key(struct aic_gateway *gateway, uint64_t id, char key)
{
	const char text[] = {key, '\0'};

	return ask(gateway, id, press, (struct request) {.text = text});
}

int aic_gateway_hold(struct aic_gateway *gateway, uint64_t id, bool on_hold)
{
	struct aic_link *link = link_of(gateway, id);

	if (!link) {
		return -1;
	}
	aic_link_set_on_hold(link, on_hold);
	aic_link_release(link);
	return 0;
}

static void transfer(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_transfer(conversation, request->id, request->at_once);
}

int aic_gateway_transfer(struct aic_gateway *gateway, uint64_t id, const char *tool_id, bool at_once)
{
	return ask(gateway, id, transfer, (struct request) {.id = tool_id, .at_once = at_once});
}

static void begin_listening(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_listen(conversation, request->id, aic_now_us());
}

int aic_gateway_let_listen(struct aic_gateway *gateway, uint64_t id, const char *tool_id)
{
	return ask(gateway, id, begin_listening, (struct request) {.id = tool_id});
}

static void stop_listening(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	aic_conversation_stop_listening(conversation, aic_now_us());
	request->result = 0;
}

int aic_gateway_stop_listening(struct aic_gateway *gateway, uint64_t id)
{
	return ask(gateway, id, stop_listening, (struct request) {.id = NULL});
}

static void tell_found(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_found(conversation, request->variables, request->count, aic_now_us());
}

int aic_gateway_found(struct aic_gateway *gateway, uint64_t id, const struct aic_variable *variables, size_t count)
{
	return ask(gateway, id, tell_found, (struct request) {.variables = variables, .count = count});
}

static void enter_state(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->problem = aic_conversation_enter_state(conversation, request->text, NULL, 0);
}

const char *aic_gateway_enter_state(struct aic_gateway *gateway, uint64_t id, const char *name)
{
	struct request request = {.text = name};

	return aic_gateway_query(gateway, id, enter_state, &request) ? "There is no such conversation." : request.problem;
}
