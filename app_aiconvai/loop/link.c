/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "container_of.h"
#include "link_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Caller audio the ring holds at least: what a loop that is late for once may miss. */
#define RING_MS 1000

/* Caller audio in chunks shorter than this is to be sent without much ado. */
#define HASTY_BELOW_MS 100

/* Keys pressed between two rounds of the loop. */
#define DIGIT_RING 64

struct query {
	struct query *next;
	void (*work)(struct aic_conversation *conversation, void *arg);
	void *arg;
	bool done;
};

static void process(struct aic_loop_task *task);
static void on_timer(struct aic_timer *timer);
static void on_loop_failed(struct aic_loop_member *member);

/* --- life --- */

/* The conversation's question to the host. */
static bool may_take(void *user, size_t other, char *reason)
{
	struct aic_link *link = user;

	return link->may_take(link->user, other, reason);
}

/* Another one. */
static bool choose_agent(void *user, const char *name, struct aic_agent_choice *choice, char *reason)
{
	struct aic_link *link = user;

	return link->choose_agent(link->user, name, choice, reason);
}

static void on_heard(void *user, const uint8_t *frame, size_t bytes, uint64_t now_us)
{
	aic_conversation_agent_heard(user, frame, bytes, now_us);
}

static int open_conversation(struct aic_link *link, const struct aic_conversation_setup *setup)
{
	struct aic_conversation_setup own = *setup;
	size_t chunk = link->wake_bytes, ring = aic_format_bytes(setup->line_format, RING_MS);

	own.on_event = link_on_event;
	own.may_take = setup->may_take ? may_take : NULL;
	own.choose_agent = setup->choose_agent ? choose_agent : NULL;
	own.user = link;
	own.fft = aic_event_loop_fft(link->loop);
	link->conversation = aic_conversation_new(&own, aic_now_us());
	if (!link->conversation || aic_playout_init(&link->playout, setup->playout, link->host.line)
		|| aic_byte_ring_init(&link->audio, ring > 2 * chunk ? ring : 2 * chunk)
		|| aic_byte_ring_init(&link->digits, DIGIT_RING)) {
		return -1;
	}
	aic_playout_listen(&link->playout, on_heard, link->conversation);
	return 0;
}

struct aic_link *aic_link_new(struct aic_event_loop *loop, struct aic_resolver *resolver,
	const struct aic_conversation_setup *setup, const struct aic_link_host *host)
{
	struct aic_link *link = calloc(1, sizeof(*link));

	if (!link) {
		return NULL;
	}
	link->loop = loop;
	link->resolver = resolver;
	link->wake_bytes = aic_format_bytes(setup->line_format, (uint32_t) setup->agent.settings->audio_frames_buffer_ms);
	link->hasty = setup->agent.settings->audio_frames_buffer_ms < HASTY_BELOW_MS;
	link->on_event = setup->on_event;
	link->may_take = setup->may_take;
	link->choose_agent = setup->choose_agent;
	link->user = setup->user;
	link->host = (struct aic_link_host) {.line = host->line, .ambience = host->ambience};
	link->has_line = true;
	link_set_up_line(link, setup);
	link->task.run = process;
	link->member.failed = on_loop_failed;
	link->timer.fire = on_timer;
	link->playout_timer.fire = link_on_playout_timer;
	link->lax_timer.fire = link_on_lax_timer;
	atomic_init(&link->references, 1);
	atomic_init(&link->started, false);
	atomic_init(&link->line_is_lost, false);
	atomic_init(&link->hold_wanted, false);
	atomic_init(&link->task.posted, false);
	atomic_init(&link->refused_frames, 0);
	pthread_mutex_init(&link->lock, NULL);
	pthread_cond_init(&link->query_done, NULL);
	if (open_conversation(link, setup)) {
		aic_link_release(link);
		return NULL;
	}
	link->host = *host;
	aic_event_loop_count_call(loop, +1);
	return link;
}

void aic_link_hold(struct aic_link *link)
{
	atomic_fetch_add_explicit(&link->references, 1, memory_order_relaxed);
}

void aic_link_release(struct aic_link *link)
{
	if (atomic_fetch_sub_explicit(&link->references, 1, memory_order_acq_rel) != 1) {
		return;
	}
	/* The analyzer takes every release for the last one; the count says which is. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	aic_conversation_free(link->conversation);
	aic_playout_clear(&link->playout);
	aic_byte_ring_destroy(&link->audio);
	aic_byte_ring_destroy(&link->digits);
	aic_buffer_free(&link->http_body);
	pthread_cond_destroy(&link->query_done);
	pthread_mutex_destroy(&link->lock);
	if (link->host.on_freed) {
		aic_event_loop_count_call(link->loop, -1);
		link->host.on_freed(link->user);
	}
	free(link);
}

void link_wake(struct aic_link *link)
{
	aic_link_hold(link);
	if (!aic_event_loop_post(link->loop, &link->task)) {
		aic_link_release(link);
	}
}

void aic_link_start(struct aic_link *link)
{
	atomic_store(&link->started, true);
	link_wake(link);
}

struct aic_event_loop *aic_link_loop(const struct aic_link *link)
{
	return link->loop;
}

/* --- any thread --- */

uint64_t aic_link_refused_frames(const struct aic_link *link)
{
	return atomic_load_explicit(&link->refused_frames, memory_order_relaxed);
}

void aic_link_end(struct aic_link *link, enum aic_status status, const char *reason)
{
	pthread_mutex_lock(&link->lock);
	if (!link->end_requested) {
		link->end_requested = true;
		link->end_status = status;
		snprintf(link->end_reason, sizeof(link->end_reason), "%s", reason);
	}
	pthread_mutex_unlock(&link->lock);
	link_wake(link);
}

void aic_link_query(struct aic_link *link, void (*work)(struct aic_conversation *conversation, void *arg), void *arg)
{
	struct query query = {.work = work, .arg = arg, .done = false};

	pthread_mutex_lock(&link->lock);
	query.next = link->queries;
	/* We wait below until it is off the list again. */
	/* cppcheck-suppress autoVariables */
	link->queries = &query;
	pthread_mutex_unlock(&link->lock);
	link_wake(link);

	pthread_mutex_lock(&link->lock);
	while (!query.done) {
		pthread_cond_wait(&link->query_done, &link->lock);
	}
	pthread_mutex_unlock(&link->lock);
}

/* --- the loop's thread: keeping the conversation going --- */

static void tick(struct aic_link *link)
{
	uint64_t now_us = aic_now_us();

	if (link->open && aic_conversation_doubts_service(link->conversation, now_us)) {
		link_tell_last_heard(link);
	}
	aic_conversation_tick(link->conversation, now_us);
}

static void set_timer(struct aic_link *link)
{
	uint64_t deadline = link->running ? aic_conversation_deadline(link->conversation) : UINT64_MAX;

	/*
	 * One that is set for too early fires, and is set anew: cheaper than to move it whenever audio puts the deadline
	 * off.
	 */
	if (deadline == UINT64_MAX || !link->timer.is_set || deadline < link->timer.due_us) {
		aic_event_loop_set_timer(link->loop, &link->timer, deadline);
	}
}

/*
 * Sends the message, without waiting for libwebsockets to report that the socket takes it: it nearly always does, and
 * the report costs a round of the loop for every chunk. What the socket does not take libwebsockets keeps, and then it
 * is its turn to say when to go on. Returns whether the connection can go on.
 */
static bool send_now(struct aic_link *link, const struct aic_action *action)
{
	if (link_write(link, action)) {
		aic_connection_kill(link->wsi);
		return false;
	}
	if (lws_partial_buffered(link->wsi)) {
		aic_event_loop_want_full_round(link->loop);
	}
	return true;
}

/*
 * Opens, closes and drops connections as the conversation asks, and sends its messages where that is allowed: not from
 * inside a callback for this connection.
 */
static void perform_actions(struct aic_link *link, bool may_send)
{
	struct aic_action action;

	do {
		bool writable = may_send && link->open && !link->closing && !lws_partial_buffered(link->wsi);

		aic_conversation_next_action(link->conversation, writable, &action);
		switch (action.type) {
		case AIC_ACTION_OPEN:
			link_open(link, action.request);
			break;
		case AIC_ACTION_CLOSE:
			link_close(link, action.close_code, action.close_reason);
			break;
		case AIC_ACTION_ABORT:
			link_abort(link);
			break;
		case AIC_ACTION_SEND:
		case AIC_ACTION_PING:
			may_send = send_now(link, &action);
			break;
		case AIC_ACTION_NONE:
			break;
		}
	} while (action.type != AIC_ACTION_NONE);
}

/* Tells the loop whether the connection is such that only messages are to be expected from it. */
static void tell_whether_settled(struct aic_link *link)
{
	bool settled = link->open && !link->closing && !link->peer_code
		&& aic_conversation_phase(link->conversation) == AIC_PHASE_ACTIVE;
	bool unsettled = link_is_connected(link) && !settled;

	aic_event_loop_count_unsettled(link->loop, unsettled - link->unsettled);
	link->unsettled = unsettled;
}

/*
 * After the actions: has the rest sent when the socket takes it, sets the timer, and lets go of the link where all is
 * over.
 */
static void settle(struct aic_link *link)
{
	if (link->open && !link->closing && aic_conversation_wants_to_send(link->conversation)) {
		lws_callback_on_writable(link->wsi);
		aic_event_loop_want_full_round(link->loop);
	}
	tell_whether_settled(link);
	if (link->running && !link_is_connected(link) && aic_conversation_phase(link->conversation) == AIC_PHASE_ENDED) {
		link->running = false;
		link->finished = true;
		aic_event_loop_leave(link->loop, &link->member);
		aic_event_loop_count_hasty(link->loop, -link->hasty);
		set_timer(link);
		aic_link_release(link);
		return;
	}
	set_timer(link);
}

void link_pump(struct aic_link *link)
{
	perform_actions(link, false);
	settle(link);
}

void link_pump_and_send(struct aic_link *link)
{
	perform_actions(link, true);
	settle(link);
}

/* Ends a conversation that nobody can serve. The host's part comes afterwards. */
static void end_without_network(struct aic_link *link)
{
	struct aic_conversation_stats stats;

	link_cut_off(link);
	aic_conversation_stats(link->conversation, &stats);
	aic_conversation_end(link->conversation, stats.ready_us ? AIC_STATUS_LOST : AIC_STATUS_UNAVAILABLE,
		"libwebsockets cannot go on: unload and load the module", aic_now_us());
}

static void on_loop_failed(struct aic_loop_member *member)
{
	struct aic_link *link = AIC_CONTAINER_OF(member, struct aic_link, member);

	aic_link_hold(link);
	end_without_network(link);
	link_pump(link);
	aic_link_release(link);
}

static void on_timer(struct aic_timer *timer)
{
	struct aic_link *link = AIC_CONTAINER_OF(timer, struct aic_link, timer);

	aic_link_hold(link);
	/* What is less than a chunk has woken nobody. */
	link_drain_rings(link);
	tick(link);
	link_pump(link);
	aic_link_release(link);
}

static void run_queries(struct aic_link *link)
{
	struct query *queries;

	pthread_mutex_lock(&link->lock);
	queries = link->queries;
	link->queries = NULL;
	pthread_mutex_unlock(&link->lock);
	while (queries) {
		struct query *query = queries;

		queries = query->next;
		query->work(link->conversation, query->arg);
		pthread_mutex_lock(&link->lock);
		query->done = true;
		pthread_cond_broadcast(&link->query_done);
		pthread_mutex_unlock(&link->lock);
	}
}

static void process(struct aic_loop_task *task)
{
	struct aic_link *link = AIC_CONTAINER_OF(task, struct aic_link, task);
	char reason[AIC_REASON_MAX] = "";
	enum aic_status status = AIC_STATUS_COMPLETED;
	bool end;

	if (atomic_load(&link->line_is_lost)) {
		aic_link_leave_line(link);
	}
	if (!link->running && !link->finished && atomic_load(&link->started)) {
		link->running = true;
		aic_link_hold(link);
		aic_event_loop_count_hasty(link->loop, link->hasty);
		aic_event_loop_join(link->loop, &link->member);
		link_begin_line(link);
	}
	if (link->running && aic_event_loop_has_failed(link->loop)) {
		end_without_network(link);
	}
	if (link->running) {
		link_drain_rings(link);
		link_attend_to_hold(link);
	}
	pthread_mutex_lock(&link->lock);
	if ((end = link->end_requested)) {
		status = link->end_status;
		memcpy(reason, link->end_reason, sizeof(reason));
	}
	pthread_mutex_unlock(&link->lock);
	if (link->running) {
		link_take_answer(link);
		if (aic_conversation_deadline(link->conversation) <= aic_now_us()) {
			tick(link);
		}
		if (end && aic_conversation_phase(link->conversation) != AIC_PHASE_ENDED) {
			aic_conversation_end(link->conversation, status, reason, aic_now_us());
		}
	}
	run_queries(link);
	if (link->running) {
		link_pump_and_send(link);
	}
	aic_link_release(link);
}
