/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "gateway_call.h"

#include "container_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Copied, because the conversation begins on another thread. */
struct gateway_start {
	const struct aic_gateway_agents *agents; /* not owned */
	size_t agent;
	size_t failover[GATEWAY_FAILOVER_MAX], failover_count;
	struct aic_variable *variables; /* owned, as their texts are */
	size_t variable_count;
	char *said;
};

static void start_free(struct gateway_start *start)
{
	if (!start) {
		return;
	}
	for (size_t i = 0; i < start->variable_count; i++) {
		free((char *) start->variables[i].name);
		free((char *) start->variables[i].value);
	}
	free(start->variables);
	free(start->said);
	free(start);
}

/* NULL when memory is short, or it names an agent that is none. */
static struct gateway_start *start_copy(const struct aic_gateway_start *given)
{
	struct gateway_start *start = calloc(1, sizeof(*start));
	bool good = start && given->agent < given->agents->count;

	if (!start) {
		return NULL;
	}
	start->agents = given->agents;
	start->agent = given->agent;
	for (size_t i = 0; i < given->failover_count && start->failover_count < GATEWAY_FAILOVER_MAX; i++) {
		good = good && given->failover[i] < given->agents->count;
		start->failover[start->failover_count++] = given->failover[i];
	}
	start->said = given->said ? strdup(given->said) : NULL;
	start->variables = calloc(given->variable_count + 1, sizeof(*start->variables));
	good = good && !given->said == !start->said && start->variables;
	for (size_t i = 0; good && i < given->variable_count; i++) {
		struct aic_variable *variable = &start->variables[start->variable_count++];

		variable->name = strdup(given->variables[i].name);
		variable->value = strdup(given->variables[i].value);
		good = variable->name && variable->value;
	}
	if (!good) {
		start_free(start);
		return NULL;
	}
	return start;
}

/* --- references --- */

void gateway_call_hold(struct gateway_call *call)
{
	atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
}

void gateway_call_release(struct gateway_call *call)
{
	if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) != 1) {
		return;
	}
	/* The analyzer takes every release for the last one; the count says which is. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	if (call->way.fd >= 0) {
		close(call->way.fd);
	}
	call->door->clear(call->line);
	aic_playout_queue_free(call->playout);
	start_free(call->start);
	start_free(call->begun);
	pthread_mutex_destroy(&call->lock);
	free(call);
}

/* The line, or the link, is gone. The caller holds a reference. */
static void lose_part(struct gateway_call *call)
{
	struct aic_gateway_event over = {.type = AIC_GATEWAY_OVER, .call = call->id, .text = call->why};

	if (atomic_fetch_sub(&call->parts, 1) != 1) {
		return;
	}
	if (atomic_load(&call->arrived)) {
		aic_gateway_events_put(call->host->events, &over);
	}
	aic_event_loop_count_call(call->loop, -1);
	call->host->over(call->host->user, call->id);
}

static void post(struct gateway_call *call)
{
	gateway_call_hold(call);
	if (!aic_event_loop_post(call->loop, &call->task)) {
		gateway_call_release(call);
	}
}

/* --- what is waited for --- */

static void set_deadline(struct gateway_call *call, unsigned int ms, const char *what)
{
	if (call->line_is_over) {
		return;
	}
	call->deadline_of = what;
	aic_event_loop_set_timer(call->loop, &call->deadline, aic_now_us() + (uint64_t) ms * 1000);
}

static void clear_deadline(struct gateway_call *call)
{
	aic_event_loop_set_timer(call->loop, &call->deadline, UINT64_MAX);
}

static void on_deadline(struct aic_timer *timer)
{
	struct gateway_call *call = AIC_CONTAINER_OF(timer, struct gateway_call, deadline);

	if (call->identified) {
		snprintf(call->why, sizeof(call->why), "%s", call->deadline_of);
		call->door->terminate(call->line);
	} else {
		call->door->close(call->line, call->deadline_of);
	}
}

/* --- what the conversation tells; the loop's thread --- */

static const char *name_of(const struct gateway_call *call, size_t agent)
{
	return call->begun->agents->agents[agent].name;
}

static void add_figures(struct gateway_call *call, struct aic_gateway_event *event)
{
	struct aic_door_figures figures = call->door->figures(call->line);

	event->frames_received = figures.frames_received;
	event->frames_written = figures.frames_written;
	event->frames_lost = figures.frames_lost;
	event->silent_frames = figures.silent_frames;
	event->frames_refused = figures.frames_refused;
	event->duration_ms = (aic_now_us() - call->begun_us) / 1000;
	aic_playout_queue_stats(call->playout, &event->playout);
}

static void set_heard(struct gateway_call *call, bool is_heard)
{
	struct aic_gateway_event told = {.type = AIC_GATEWAY_HEARD, .call = call->id, .is_heard = is_heard};

	if (is_heard != call->agent_is_heard) {
		call->agent_is_heard = is_heard;
		aic_gateway_events_put(call->host->events, &told);
	}
}

static void on_silent(void *user)
{
	set_heard(user, false);
}

static void on_event(void *user, const struct aic_event *event)
{
	struct gateway_call *call = user;
	struct aic_gateway_event told = {.type = AIC_GATEWAY_CONVERSATION, .call = call->id, .conversation = event,
		.agent = name_of(call, call->acting), .agent_before = name_of(call, call->acting_before)};

	if (event->type == AIC_EVENT_AUDIO) {
		set_heard(call, true);
		return;
	}
	if (event->type == AIC_EVENT_ENDED) {
		add_figures(call, &told);
	}
	aic_gateway_events_put(call->host->events, &told);
}

static struct aic_agent_choice choice_of(const struct gateway_call *call, size_t agent)
{
	return call->begun->agents->agents[agent].choice;
}

static void pass_on(struct gateway_call *call, size_t agent)
{
	call->acting_before = call->acting;
	call->acting = agent;
}

static bool may_take(void *user, size_t other, char *reason)
{
	struct gateway_call *call = user;

	(void) reason;
	pass_on(call, call->begun->failover[other]);
	return true;
}

static bool choose_agent(void *user, const char *name, struct aic_agent_choice *choice, char *reason)
{
	struct gateway_call *call = user;
	const struct aic_gateway_agents *agents = call->begun->agents;
	size_t at = 0;

	while (at < agents->count && strcmp(agents->agents[at].name, name)) {
		at++;
	}
	if (at == agents->count) {
		snprintf(reason, AIC_REASON_MAX, "There is no agent %.80s at the moment.", name);
		return false;
	}
	if (at == call->acting) {
		snprintf(reason, AIC_REASON_MAX, "You are that agent.");
		return false;
	}
	pass_on(call, at);
	*choice = choice_of(call, at);
	return true;
}

static bool on_finished(void *user)
{
	struct gateway_call *call = user;
	struct aic_gateway_event finished = {.type = AIC_GATEWAY_FINISHED, .call = call->id};

	aic_gateway_events_put(call->host->events, &finished);
	set_deadline(call, AIC_GATEWAY_HANG_UP_MS, "nobody hung up after its end");
	return true;
}

static void on_link_freed(void *user)
{
	struct gateway_call *call = user;

	lose_part(call);
	gateway_call_release(call);
}

static struct aic_link *new_link(struct gateway_call *call, struct aic_audio_format format)
{
	const struct gateway_start *start = call->begun;
	struct aic_agent_choice others[GATEWAY_FAILOVER_MAX];
	struct aic_conversation_setup setup = {
		.agent = choice_of(call, start->agent),
		.others = others,
		.other_count = start->failover_count,
		.line_format = format,
		.variables = start->variables,
		.variable_count = start->variable_count,
		.runs_tools = true,
		.said = start->said,
		.unix_us = aic_unix_us(),
		.playout = call->playout,
		.on_event = on_event,
		.may_take = may_take,
		.choose_agent = choose_agent,
		.user = call,
	};
	struct aic_link_host host = {.line = call->line, .on_silent = on_silent, .on_finished = on_finished,
		.on_freed = on_link_freed};

	for (size_t i = 0; i < start->failover_count; i++) {
		others[i] = choice_of(call, start->failover[i]);
	}
	return aic_link_new(call->loop, call->host->resolver, &setup, &host);
}

/* Begins the conversation that somebody asked for. */
static void begin_conversation(struct gateway_call *call, struct gateway_start *start)
{
	const struct aic_settings *settings = start->agents->agents[start->agent].choice.settings;
	struct aic_audio_format format = call->door->settle(call->line);
	struct aic_gateway_event begun = {.type = AIC_GATEWAY_BEGUN, .call = call->id, .line_format = format};
	struct aic_link *link;

	call->begun = start;
	call->begun_us = aic_now_us();
	call->acting = call->acting_before = start->agent;
	call->playout = aic_playout_queue_new(format, (uint32_t) settings->playout_limit_seconds * 1000,
		(uint32_t) settings->playout_max_delay_ms);
	gateway_call_hold(call);
	atomic_fetch_add(&call->parts, 1);
	if (!call->playout || !(link = new_link(call, format))) {
		snprintf(call->why, sizeof(call->why), "out of memory");
		atomic_fetch_sub(&call->parts, 1);
		gateway_call_release(call);
		/* The line has a reference. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		call->door->terminate(call->line);
		return;
	}
	clear_deadline(call);
	pthread_mutex_lock(&call->lock);
	call->link = link;
	pthread_mutex_unlock(&call->lock);
	aic_link_start(link);
	/* Nothing can have happened yet: it starts on this thread. */
	aic_gateway_events_put(call->host->events, &begun);
}

/* --- what the line tells; the loop's thread --- */

static void on_identified(void *user, const uint8_t uuid[AIC_UUID_BYTES])
{
	struct gateway_call *call = user;
	struct aic_gateway_event arrived = {.type = AIC_GATEWAY_ARRIVED, .call = call->id, .port = call->way.port};
	char *end = arrived.uuid;

	for (size_t i = 0; i < AIC_UUID_BYTES; i++) {
		/* RFC 9562, section 4: 8-4-4-4-12. */
		end += sprintf(end, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
	}
	memcpy(arrived.peer, call->way.peer, sizeof(arrived.peer));
	call->identified = true;
	atomic_store(&call->arrived, true);
	set_deadline(call, AIC_GATEWAY_ANSWER_MS, "nobody said who answers the call");
	aic_gateway_events_put(call->host->events, &arrived);
}

static void on_audio(void *user, const uint8_t *bytes, size_t length)
{
	struct gateway_call *call = user;

	/* Only this thread changes it. */
	if (call->link) {
		aic_link_caller_audio(call->link, bytes, length);
	}
}

static void on_key(void *user, char key)
{
	struct gateway_call *call = user;

	if (call->link && strchr("0123456789*#ABCD", key) && key) {
		aic_link_key(call->link, key);
	}
}

/* The line must not be pulled away from below whoever closed it: what follows is a task of its own. */
static void on_over(void *user, const char *why)
{
	struct gateway_call *call = user;

	clear_deadline(call);
	call->line_is_over = true;
	if (!*call->why) {
		snprintf(call->why, sizeof(call->why), "%s", why);
	}
	post(call);
}

static const struct aic_door_owner line_owner = {
	.identified = on_identified,
	.audio = on_audio,
	.key = on_key,
	.over = on_over,
};

/* The line is over: so is the conversation, and the line is no part of the call any more. */
static void attend_to_lost_line(struct gateway_call *call)
{
	struct aic_link *link;

	pthread_mutex_lock(&call->lock);
	link = call->link;
	call->link = NULL;
	call->was_started = true;
	pthread_mutex_unlock(&call->lock);
	if (link) {
		aic_link_leave_line(link);
		aic_link_end(link, AIC_STATUS_CALLER_HANGUP, "the caller hung up");
		aic_link_release(link);
	}
	lose_part(call);
	gateway_call_release(call);
}

static int open_door(struct gateway_call *call, int fd)
{
	struct gateway_call_way *way = &call->way;

	call->identified = way->door != GATEWAY_CALL_AUDIOSOCKET;
	switch (way->door) {
	case GATEWAY_CALL_RTP:
		return aic_rtp_line_open(&call->rtp, call->loop, fd, way->codec, &way->peers, &line_owner, call);
	case GATEWAY_CALL_WEBSOCKET:
		aic_websocket_line_open(&call->websocket, call->loop, &way->place, way->format, &line_owner, call);
		return 0;
	case GATEWAY_CALL_AUDIOSOCKET:
		break;
	}
	call->identified = way->rate != 0;
	return aic_audiosocket_line_open(&call->audiosocket, call->loop, fd, way->rate, &line_owner, call);
}

static void open_line(struct gateway_call *call)
{
	int fd = call->way.fd;

	call->opened = true;
	call->way.fd = -1;
	if (open_door(call, fd)) {
		call->line_is_over = true;
	} else if (call->identified) {
		set_deadline(call, AIC_GATEWAY_ANSWER_MS, "nobody said who answers the call");
	} else {
		set_deadline(call, AIC_GATEWAY_IDENTIFY_MS, "it did not say in time which call it is");
	}
}

static void on_task(struct aic_loop_task *task)
{
	struct gateway_call *call = AIC_CONTAINER_OF(task, struct gateway_call, task);
	struct sockaddr_storage peer;
	socklen_t peer_length;
	struct gateway_start *start;
	uint32_t rate;
	bool hang_up;

	if (!call->opened) {
		open_line(call);
	}
	pthread_mutex_lock(&call->lock);
	peer = call->peer;
	peer_length = call->peer_length;
	rate = call->rate;
	start = call->start;
	call->start = NULL;
	hang_up = call->hang_up;
	pthread_mutex_unlock(&call->lock);
	if (peer.ss_family) {
		aic_rtp_line_set_peer(&call->rtp, &peer, peer_length);
	}
	if (rate && !call->begun) {
		aic_audiosocket_line_expect(&call->audiosocket, rate);
	}
	if (start && !call->line_is_over && !hang_up) {
		begin_conversation(call, start);
	} else {
		start_free(start);
	}
	if (hang_up && !call->line_is_over) {
		call->door->terminate(call->line);
	}
	if (call->line_is_over && !call->line_is_left) {
		call->line_is_left = true;
		attend_to_lost_line(call);
	}
	gateway_call_release(call);
}

/* --- any thread --- */

static void choose_door(struct gateway_call *call)
{
	switch (call->way.door) {
	case GATEWAY_CALL_RTP:
		call->door = &aic_rtp_door;
		call->line = &call->rtp.line;
		break;
	case GATEWAY_CALL_WEBSOCKET:
		call->door = &aic_websocket_door;
		call->line = &call->websocket.line;
		break;
	case GATEWAY_CALL_AUDIOSOCKET:
		call->door = &aic_audiosocket_door;
		call->line = &call->audiosocket.line;
		break;
	}
}

struct gateway_call *gateway_call_new(const struct gateway_call_host *host, uint64_t id, struct aic_event_loop *loop,
	const struct gateway_call_way *way)
{
	struct gateway_call *call = calloc(1, sizeof(*call));

	if (!call) {
		if (way->fd >= 0) {
			close(way->fd);
		}
		return NULL;
	}
	call->id = id;
	call->host = host;
	call->loop = loop;
	call->way = *way;
	choose_door(call);
	/* The table's, and the line's. */
	atomic_init(&call->references, 2);
	atomic_init(&call->parts, 1);
	/* Whoever opens a session, or a connection, knows of it. */
	atomic_init(&call->arrived, way->door != GATEWAY_CALL_AUDIOSOCKET || way->rate);
	atomic_init(&call->task.posted, false);
	pthread_mutex_init(&call->lock, NULL);
	call->task.run = on_task;
	call->deadline.fire = on_deadline;
	call->audiosocket.watch.fd = call->rtp.watch.fd = -1;
	aic_event_loop_count_call(loop, +1);
	return call;
}

void gateway_call_begin(struct gateway_call *call)
{
	post(call);
}

int gateway_call_converse(struct gateway_call *call, const struct aic_gateway_start *given)
{
	struct gateway_start *start = start_copy(given);
	bool is_first;

	if (!start) {
		return -1;
	}
	pthread_mutex_lock(&call->lock);
	if ((is_first = !call->was_started)) {
		call->was_started = true;
		call->start = start;
	}
	pthread_mutex_unlock(&call->lock);
	if (!is_first) {
		start_free(start);
		return -1;
	}
	post(call);
	return 0;
}

void gateway_call_hang_up(struct gateway_call *call)
{
	pthread_mutex_lock(&call->lock);
	call->hang_up = true;
	pthread_mutex_unlock(&call->lock);
	post(call);
}

void gateway_call_set_peer(struct gateway_call *call, const struct sockaddr_storage *peer, socklen_t length)
{
	pthread_mutex_lock(&call->lock);
	call->peer = *peer;
	call->peer_length = length;
	pthread_mutex_unlock(&call->lock);
	post(call);
}

void gateway_call_expect(struct gateway_call *call, uint32_t rate)
{
	pthread_mutex_lock(&call->lock);
	call->rate = rate;
	pthread_mutex_unlock(&call->lock);
	post(call);
}

struct aic_link *gateway_call_link(struct gateway_call *call)
{
	struct aic_link *link;

	pthread_mutex_lock(&call->lock);
	if ((link = call->link)) {
		aic_link_hold(link);
	}
	pthread_mutex_unlock(&call->lock);
	return link;
}
