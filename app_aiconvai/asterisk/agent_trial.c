/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/lock.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/time.h"
#include "asterisk/utils.h"

#include "agent_trial.h"
#include "agents.h"
#include "link.h"
#include "network.h"
#include "output.h"
#include "playout_queue.h"
#include "providers.h"
#include "session_report.h"
#include "sessions.h"
#include "utf8.h"

#include <time.h>

#define SECONDS_A_DAY 86400

/* A certificate is to be renewed before that. */
#define EXPIRES_SOON_DAYS 14

/* ao2 object: the reference of who waits, and the link's. */
struct trial {
	struct aic_line line; /* nobody hears it */
	struct agent *agent;  /* owned reference */
	struct aic_playout_queue *playout; /* owned; the loop's thread's */
	struct aic_link *link; /* owned reference, of who waits; never changes once it has begun */

	/* Guarded by the lock, which is taken by itself. */
	ast_mutex_t lock;
	ast_cond_t changed;
	bool ready, heard, ended;
	char conversation_id[128];
	char problem[AIC_REASON_MAX]; /* the last error; empty: none */
	struct aic_outcome outcome;   /* once it has ended */
	struct aic_conversation_stats stats;
	struct aic_link_peer peer;
};

/* Guarded by its lock, which is taken by itself. */
AST_MUTEX_DEFINE_STATIC(trials_lock);
static struct {
	int running;
	struct trial_thread {
		pthread_t thread;
		bool is_there, is_over;
		struct agent *agent; /* owned reference of the thread's */
		char action_id[128];
	} threads[AGENT_TRIALS_MAX];
} trials;

/* --- the conversation's host; the loop's thread --- */

static enum aic_line_written swallow(struct aic_line *line, uint8_t *frame, size_t bytes)
{
	return AIC_LINE_WRITTEN;
}

static const struct aic_line_kind silent_line = {.name = "trial", .write = swallow};

static void on_event(void *user, const struct aic_event *event)
{
	struct trial *trial = user;

	ast_mutex_lock(&trial->lock);
	switch (event->type) {
	case AIC_EVENT_READY:
		trial->ready = true;
		ast_copy_string(trial->conversation_id, event->ready.conversation_id, sizeof(trial->conversation_id));
		break;
	case AIC_EVENT_AUDIO:
		trial->heard = true;
		break;
	case AIC_EVENT_ERROR:
		ast_copy_string(trial->problem, event->error.message, sizeof(trial->problem));
		break;
	case AIC_EVENT_ENDED:
		trial->ended = true;
		trial->outcome = *event->ended;
		trial->stats = *event->stats;
		break;
	default:
		break;
	}
	ast_cond_signal(&trial->changed);
	ast_mutex_unlock(&trial->lock);
}

static void on_freed(void *user)
{
	ao2_ref((struct trial *) user, -1);
}

/* --- waiting for it --- */

static void trial_destroy(void *object)
{
	struct trial *trial = object;

	aic_playout_queue_free(trial->playout);
	ao2_cleanup(trial->agent);
	ast_cond_destroy(&trial->changed);
	ast_mutex_destroy(&trial->lock);
	sessions_count_alive(-1);
	ast_module_unref(AST_MODULE_SELF);
}

static struct trial *trial_new(struct agent *agent)
{
	struct trial *trial = ao2_alloc(sizeof(*trial), trial_destroy);
	struct aic_audio_format format = {.encoding = AIC_ENCODING_ULAW, .rate = 8000};
	struct aic_link_host host = {.on_freed = on_freed};
	struct aic_conversation_setup setup = {.agent = agent_choice(agent), .line_format = format,
		.unix_us = aic_unix_us(), .on_event = on_event, .user = trial};

	if (!trial) {
		return NULL;
	}
	sessions_count_alive(+1);
	ast_module_ref(AST_MODULE_SELF);
	ast_mutex_init(&trial->lock);
	ast_cond_init(&trial->changed, NULL);
	trial->line.kind = &silent_line;
	trial->agent = ao2_bump(agent);
	setup.playout = trial->playout = aic_playout_queue_new(format, AGENT_TRIAL_AUDIO_SECONDS * 1000,
		agent->settings.playout_max_delay_ms);
	host.line = &trial->line;
	ao2_ref(trial, +1);
	if (!trial->playout || !(trial->link = aic_link_new(network_loop(), network_resolver(), &setup, &host))) {
		ao2_ref(trial, -2);
		return NULL;
	}
	return trial;
}

/* Until that is so, or it has ended, or the time is over. */
static void wait_for(struct trial *trial, const bool *condition, int seconds)
{
	struct timeval until = ast_tvadd(ast_tvnow(), ast_tv(seconds, 0));
	struct timespec deadline = {.tv_sec = until.tv_sec, .tv_nsec = until.tv_usec * 1000};

	ast_mutex_lock(&trial->lock);
	while (!*condition && !trial->ended && ast_cond_timedwait(&trial->changed, &trial->lock, &deadline) != ETIMEDOUT) {
	}
	ast_mutex_unlock(&trial->lock);
}

/* While the connection is there. The loop's thread. */
static void take_facts(struct aic_conversation *conversation, void *arg)
{
	struct trial *trial = arg;

	ast_mutex_lock(&trial->lock);
	if (!trial->ended) {
		aic_conversation_stats(conversation, &trial->stats);
		aic_link_describe_peer(trial->link, &trial->peer);
	}
	ast_mutex_unlock(&trial->lock);
}

/* --- what is told of it --- */

static struct trial_step *add_step(struct agent_trial_report *report, const char *name, double ms)
{
	struct trial_step *step = &report->steps[report->count++];

	*step = (struct trial_step) {.name = name, .ms = ms};
	return step;
}

static bool any_time(const struct aic_open_times *times)
{
	return times->dns_us || times->tcp_us || times->tls_us || times->reply_us;
}

/* A connection and the reply to its request: how long each part took. */
static void add_opening(struct agent_trial_report *report, const char *name, const struct aic_open_times *times,
	const char *reply)
{
	struct trial_step *step = add_step(report, name,
		milliseconds(times->dns_us + times->tcp_us + times->tls_us + times->reply_us));

	describe_opening(times, reply, step->text, sizeof(step->text));
}

static void add_certificate(struct agent_trial_report *report, const struct aic_link_peer *peer)
{
	struct trial_step *step = add_step(report, "certificate", -1);
	int days = (int) ((peer->expires - (int64_t) time(NULL)) / SECONDS_A_DAY);

	snprintf(step->text, sizeof(step->text), "%s: %s, by %s, for %d more days%s", peer->tls, peer->certificate,
		peer->issuer, days, days < EXPIRES_SOON_DAYS ? ": it is to be renewed" : "");
}

static void add_talk(struct agent_trial_report *report, const struct trial *trial)
{
	const struct aic_conversation_stats *stats = &trial->stats;
	struct trial_step *step = add_step(report, "conversation", milliseconds(stats->setup.metadata_us));
	char uplink[32], downlink[32];

	snprintf(step->text, sizeof(step->text), "%s; %s to the service, %s from it", trial->conversation_id,
		aic_format_name(stats->uplink_format, uplink, sizeof(uplink)),
		aic_format_name(stats->downlink_format, downlink, sizeof(downlink)));
	if (trial->heard) {
		step = add_step(report, "first audio", milliseconds(stats->first_audio_us));
		snprintf(step->text, sizeof(step->text), "at %.1f dBFS, since the beginning", stats->downlink_dbfs);
	} else {
		step = add_step(report, "first audio", -1);
		snprintf(step->text, sizeof(step->text), "none within %d s: the agent waits for the caller, or has nothing to"
			" say", AGENT_TRIAL_AUDIO_SECONDS);
	}
	step = add_step(report, "round trip", milliseconds(trial->peer.round_trip_us));
	snprintf(step->text, sizeof(step->text), "to %s", trial->peer.address);
}

/* What did not go well, behind what did. */
static void add_problem(struct agent_trial_report *report, const struct trial *trial)
{
	const struct aic_setup_times *setup = &trial->stats.setup;
	const char *name = trial->ready ? "conversation" : setup->websocket.reply_us ? "metadata" : "connection";
	struct trial_step *step = add_step(report, name, -1);

	step->failed = true;
	if (trial->ended) {
		ast_copy_string(step->text, trial->outcome.reason, sizeof(step->text));
	} else {
		snprintf(step->text, sizeof(step->text), "it was not ready within %d s%s%s", AGENT_TRIAL_SECONDS,
			trial->problem[0] ? "; " : "", trial->problem);
	}
}

/* It has ended, or was taken down; nobody changes it any more. */
static void describe(const struct trial *trial, struct agent_trial_report *report)
{
	const struct aic_setup_times *setup = &trial->stats.setup;
	struct trial_step *step = add_step(report, "configuration", -1);
	char endpoint[256];

	snprintf(step->text, sizeof(step->text), "%s, at %s", aic_provider_of(trial->agent->settings.provider)->name,
		agent_endpoint(trial->agent, endpoint, sizeof(endpoint)));
	if (any_time(&setup->http)) {
		add_opening(report, "signed URL", &setup->http, "reply");
	}
	if (any_time(&setup->websocket)) {
		add_opening(report, "WebSocket", &setup->websocket, "upgrade");
	}
	if (trial->peer.tls[0]) {
		add_certificate(report, &trial->peer);
	}
	report->is_good = trial->ready && !trial->ended;
	if (report->is_good) {
		add_talk(report, trial);
	} else {
		add_problem(report, trial);
	}
}

static void try_agent(struct trial *trial, struct agent_trial_report *report)
{
	aic_link_start(trial->link);
	wait_for(trial, &trial->ready, AGENT_TRIAL_SECONDS);
	wait_for(trial, &trial->heard, trial->ready ? AGENT_TRIAL_AUDIO_SECONDS : 0);
	aic_link_query(trial->link, take_facts, trial);
	ast_mutex_lock(&trial->lock);
	describe(trial, report);
	ast_mutex_unlock(&trial->lock);
	aic_link_end(trial->link, AIC_STATUS_COMPLETED, "the trial is over");
	/* What it still has to say is not played: a timer would outlive the link. */
	aic_link_lose_line(trial->link);
}

static bool take_place(int change)
{
	bool has_room;

	ast_mutex_lock(&trials_lock);
	has_room = trials.running + change <= AGENT_TRIALS_MAX;
	trials.running += has_room ? change : 0;
	ast_mutex_unlock(&trials_lock);
	return has_room;
}

/* With a place, which is given back. */
static int run_in_place(struct agent *agent, struct agent_trial_report *report)
{
	struct trial *trial = trial_new(agent);

	*report = (struct agent_trial_report) {.count = 0};
	ast_copy_string(report->agent, agent->name, sizeof(report->agent));
	if (trial) {
		try_agent(trial, report);
		aic_link_release(trial->link);
		ao2_ref(trial, -1);
	}
	take_place(-1);
	return trial ? 0 : -1;
}

int agent_trial_run(struct agent *agent, struct agent_trial_report *report)
{
	return take_place(+1) ? run_in_place(agent, report) : -1;
}

/* --- for managers --- */

static void add_header(struct ast_str **headers, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_header(struct ast_str **headers, const char *format, ...)
{
	char line[AIC_ERROR_MAX + 64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	aic_utf8_line(line, sizeof(line), line);
	ast_str_append(headers, 0, "%s\r\n", line);
}

static void tell_managers(const struct agent_trial_report *report, const char *action_id)
{
	struct ast_str *headers = ast_str_create(1024);

	if (!headers) {
		return;
	}
	if (!ast_strlen_zero(action_id)) {
		add_header(&headers, "ActionID: %s", action_id);
	}
	add_header(&headers, "Agent: %s", report->agent);
	add_header(&headers, "Result: %s", report->is_good ? "Good" : "Failed");
	add_header(&headers, "Steps: %zu", report->count);
	for (size_t i = 0; i < report->count; i++) {
		const struct trial_step *step = &report->steps[i];

		add_header(&headers, "Step%zu: %s", i + 1, step->name);
		add_header(&headers, "Step%zuFailed: %s", i + 1, step->failed ? "Yes" : "No");
		if (step->ms >= 0) {
			add_header(&headers, "Step%zuMs: %.1f", i + 1, step->ms);
		}
		add_header(&headers, "Step%zuMessage: %s", i + 1, step->text);
	}
	manager_event(EVENT_FLAG_CALL, "AIConvAITrial", "%s", ast_str_buffer(headers));
	ast_free(headers);
}

static void *run_thread(void *data)
{
	struct trial_thread *own = data;
	struct agent_trial_report report;

	if (run_in_place(own->agent, &report)) {
		struct trial_step *step = add_step(&report, "configuration", -1);

		step->failed = true;
		snprintf(step->text, sizeof(step->text), "out of memory");
	}
	tell_managers(&report, own->action_id);
	ao2_ref(own->agent, -1);
	ast_mutex_lock(&trials_lock);
	own->is_over = true;
	ast_mutex_unlock(&trials_lock);
	return NULL;
}

/* One whose thread is not there, or is over, and then joined. NULL: none. */
static struct trial_thread *free_thread(void)
{
	for (size_t i = 0; i < AGENT_TRIALS_MAX; i++) {
		struct trial_thread *one = &trials.threads[i];

		if (!one->is_there || one->is_over) {
			if (one->is_there) {
				pthread_join(one->thread, NULL);
			}
			*one = (struct trial_thread) {.is_there = false};
			return one;
		}
	}
	return NULL;
}

int agent_trial_begin(struct agent *agent, const char *action_id)
{
	struct trial_thread *own;

	if (!take_place(+1)) {
		return -1;
	}
	ast_mutex_lock(&trials_lock);
	if ((own = free_thread())) {
		own->agent = ao2_bump(agent);
		ast_copy_string(own->action_id, action_id, sizeof(own->action_id));
		own->is_there = !ast_pthread_create_background(&own->thread, NULL, run_thread, own);
		if (!own->is_there) {
			ao2_ref(own->agent, -1);
			own = NULL;
		}
	}
	ast_mutex_unlock(&trials_lock);
	if (!own) {
		take_place(-1);
	}
	return own ? 0 : -1;
}

void agent_trials_stop(void)
{
	for (size_t i = 0; i < AGENT_TRIALS_MAX; i++) {
		if (trials.threads[i].is_there) {
			pthread_join(trials.threads[i].thread, NULL);
			trials.threads[i].is_there = false;
		}
	}
}
