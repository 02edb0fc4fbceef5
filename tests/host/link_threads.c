/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The engine and its network without Asterisk, under all the threads Asterisk would have: for a thread or address
 * sanitizer, which sees no lock of an Asterisk that was not built with it.
 *
 *     link_threads --endpoint ws://127.0.0.1:8300/v1/convai/conversation --agent echo --agent drop --seconds 5
 *
 * So many lines (--lines) are kept in conversation: feeder threads speak into them, each into its own, as channel
 * threads do; another one asks, tells and answers, as CLI and manager threads do; what the agents say is played to
 * lines that take every frame, but for some that are busy now and then. When a conversation ends its feeder begins
 * another one, with the next agent, until the time is up. Then prints one line of JSON. --fail-after N: libwebsockets
 * fails after so many seconds.
 */
#include "connection.h"
#include "container_of.h"
#include "event_loop.h"
#include "link.h"
#include "settings.h"
#include "providers.h"
#include "resolver.h"
#include "tls_sessions.h"

#include <getopt.h>
#include <inttypes.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES_MAX 64
#define FEEDERS_MAX 8
#define LOOPS_MAX 8
#define AGENTS_MAX 16
#define PLAYOUT_LIMIT_MS 60000
#define PLAYOUT_MAX_DELAY_MS 200
#define TOOL_ID_MAX 128

/* A key is pressed, and a conversation is ended by the caller, so many frames after the last one. */
#define FRAMES_PER_KEY 40
#define FRAMES_PER_HANGUP 150

#define US_PER_FRAME (AIC_FRAME_MS * UINT64_C(1000))

static const struct aic_audio_format line_format = {AIC_ENCODING_ULAW, 8000};

/* What the command line says. */
static struct {
	const char *endpoint, *signed_url_endpoint, *api_key, *ca_file;
	const char *agents[AGENTS_MAX];
	size_t agent_count;
	size_t lines, feeders, loops;
	unsigned int seconds, fail_after; /* 0: never */
} wanted = {.lines = 8, .feeders = 2, .loops = 2, .seconds = 4};

/* One conversation. Reference counted: its line, its link and whoever works with it hold one each. */
struct conversation {
	atomic_uint references;
	struct aic_settings settings;
	struct aic_playout_queue *playout;
	struct aic_line line; /* that it is heard on */
	unsigned int frames_offered; /* the loop's own */
	struct aic_link *link; /* the line's reference is the owner's; valid while the line has the conversation */
	atomic_bool ended;
	pthread_mutex_t tool_lock;
	char tool_id[TOOL_ID_MAX]; /* guarded by tool_lock; of the last tool call, empty: answered */
	unsigned int frames_fed; /* the feeder's own */
};

/* Where a conversation can be found by other threads than its feeder. */
struct line {
	pthread_mutex_t lock;
	struct conversation *current; /* guarded by the lock, changed by the feeder only; NULL: none */
	size_t next_agent; /* the feeder's own */
};

struct feeder {
	pthread_t thread;
	size_t number;
};

static struct line lines[LINES_MAX];
static struct aic_event_loop *loops[LOOPS_MAX];
static struct aic_resolver *resolver;
static struct aic_tls_sessions *tls_sessions;
static atomic_bool stopping, libwebsockets_fails;
static atomic_uint alive;

static struct {
	atomic_uint_fast64_t conversations, ready, audio, interruptions, transcripts, tool_calls, errors, tls_resumed;
	atomic_uint_fast64_t ended[AIC_STATUS_INVALID + 1];
	atomic_uint_fast64_t frames_fed, frames_refused, frames_heard, queries, contexts, tool_results;
} totals;

static void count(atomic_uint_fast64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void die(const char *what)
{
	fprintf(stderr, "link_threads: %s\n", what);
	exit(2);
}

static void sleep_until(uint64_t when_us)
{
	struct timespec when = {.tv_sec = (time_t) (when_us / 1000000), .tv_nsec = (long) (when_us % 1000000) * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL)) {
	}
}

/* --- conversations --- */

/* Every seventh frame is offered twice. */
static enum aic_line_written take_frame(struct aic_line *line, uint8_t *frame, size_t bytes)
{
	struct conversation *conversation = AIC_CONTAINER_OF(line, struct conversation, line);

	(void) frame;
	(void) bytes;
	if (++conversation->frames_offered % 7 == 0) {
		return AIC_LINE_BUSY;
	}
	count(&totals.frames_heard);
	return AIC_LINE_WRITTEN;
}

static const struct aic_line_kind taking_line = {.name = "test", .write = take_frame};

static void conversation_release(struct conversation *conversation)
{
	if (atomic_fetch_sub(&conversation->references, 1) != 1) {
		return;
	}
	aic_playout_queue_free(conversation->playout);
	aic_settings_free(&conversation->settings);
	pthread_mutex_destroy(&conversation->tool_lock);
	free(conversation);
	atomic_fetch_sub(&alive, 1);
}

static void on_link_freed(void *user)
{
	conversation_release(user);
}

static void on_tool_call(struct conversation *conversation, const char *id)
{
	pthread_mutex_lock(&conversation->tool_lock);
	snprintf(conversation->tool_id, sizeof(conversation->tool_id), "%s", id);
	pthread_mutex_unlock(&conversation->tool_lock);
}

static void on_event(void *user, const struct aic_event *event)
{
	struct conversation *conversation = user;

	switch (event->type) {
	case AIC_EVENT_READY:
		count(&totals.ready);
		break;
	case AIC_EVENT_AUDIO:
		count(&totals.audio);
		break;
	case AIC_EVENT_INTERRUPTION:
		count(&totals.interruptions);
		break;
	case AIC_EVENT_TRANSCRIPT:
		count(&totals.transcripts);
		break;
	case AIC_EVENT_TOOL_CALL:
		count(&totals.tool_calls);
		on_tool_call(conversation, event->tool_call.id);
		break;
	case AIC_EVENT_HANDED_OVER:
	case AIC_EVENT_FAILOVER:
	case AIC_EVENT_TROUBLE:
	case AIC_EVENT_ERROR:
		count(&totals.errors);
		break;
	case AIC_EVENT_ENDED:
		count(&totals.ended[event->ended->status]);
		if (event->stats->setup.websocket.tls_resumed) {
			count(&totals.tls_resumed);
		}
		atomic_store(&conversation->ended, true);
		break;
	case AIC_EVENT_PAUSE:
	case AIC_EVENT_VAD:
	case AIC_EVENT_ANSWER:
	case AIC_EVENT_THINKING:
	case AIC_EVENT_TOOL_DONE:
	case AIC_EVENT_ECHO:
	case AIC_EVENT_RECORDING:
	case AIC_EVENT_SECRET:
	case AIC_EVENT_KEYS:
	case AIC_EVENT_HOLD:
	case AIC_EVENT_LISTENING:
	case AIC_EVENT_STATE:
		break;
	}
}

static void print_problem(void *user, const char *problem)
{
	(void) user;
	fprintf(stderr, "link_threads: %s\n", problem);
}

static void read_settings(struct aic_settings *settings, const char *agent)
{
	struct aic_option_line options[] = {
		{"arguments", 1, "agent_id", agent},
		{"arguments", 1, "audio_frames_buffer_ms", "20"},
		{"arguments", 1, "retry_backoff_ms", "10"},
		{"arguments", 1, wanted.signed_url_endpoint ? "signed_url_endpoint" : "conversation_endpoint",
			wanted.signed_url_endpoint ? wanted.signed_url_endpoint : wanted.endpoint},
	};
	struct aic_option_line all[8];
	size_t option_count = sizeof(options) / sizeof(options[0]);
	struct aic_settings general;

	memcpy(all, options, sizeof(options));
	if (wanted.signed_url_endpoint) {
		all[option_count++] = (struct aic_option_line) {"arguments", 1, "api_key", wanted.api_key};
	}
	if (wanted.ca_file) {
		all[option_count++] = (struct aic_option_line) {"arguments", 1, "tls_ca_file", wanted.ca_file};
	}
	if (aic_settings_init(&general) || aic_settings_init(settings)) {
		die("out of memory");
	}
	if (aic_settings_read_agent(settings, &general, agent, all, option_count, print_problem, NULL)) {
		die("the arguments do not make an agent");
	}
	aic_settings_free(&general);
}

static struct conversation *conversation_new(size_t line, const char *agent)
{
	struct conversation *conversation = calloc(1, sizeof(*conversation));
	struct aic_link_host host = {.on_freed = on_link_freed};
	struct aic_variable variable = {"line", agent};
	struct aic_conversation_setup setup = {
		.line_format = line_format,
		.variables = &variable,
		.variable_count = 1,
		.on_event = on_event,
		.user = conversation,
	};

	if (!conversation) {
		die("out of memory");
	}
	atomic_init(&conversation->references, 2);
	atomic_init(&conversation->ended, false);
	pthread_mutex_init(&conversation->tool_lock, NULL);
	conversation->line.kind = &taking_line;
	host.line = &conversation->line;
	read_settings(&conversation->settings, agent);
	setup.agent.settings = &conversation->settings;
	setup.agent.provider = aic_provider_of(conversation->settings.provider);
	setup.playout = conversation->playout = aic_playout_queue_new(line_format, PLAYOUT_LIMIT_MS, PLAYOUT_MAX_DELAY_MS);
	if (!setup.playout || !(conversation->link = aic_link_new(loops[line % wanted.loops], resolver, &setup,
		&host))) {
		die("out of memory");
	}
	atomic_fetch_add(&alive, 1);
	count(&totals.conversations);
	return conversation;
}

/* The line's conversation and its link, with a reference to each for the caller; NULL: it has none. */
static struct conversation *line_conversation(struct line *line)
{
	struct conversation *conversation;

	pthread_mutex_lock(&line->lock);
	if ((conversation = line->current)) {
		atomic_fetch_add(&conversation->references, 1);
		aic_link_hold(conversation->link);
	}
	pthread_mutex_unlock(&line->lock);
	return conversation;
}

static void line_conversation_release(struct conversation *conversation)
{
	aic_link_release(conversation->link);
	conversation_release(conversation);
}

/* --- threads --- */

static void leave_line(struct aic_conversation *conversation, void *arg)
{
	(void) conversation;
	aic_link_leave_line(arg);
}

/* The caller of a line hangs up, whether or not the conversation is over. */
static void hang_up(struct line *line)
{
	struct conversation *conversation = line->current;
	struct aic_link *link = conversation->link;

	aic_link_end(link, AIC_STATUS_CALLER_HANGUP, "the caller hung up");
	aic_link_query(link, leave_line, link);
	pthread_mutex_lock(&line->lock);
	line->current = NULL;
	pthread_mutex_unlock(&line->lock);
	atomic_fetch_add(&totals.frames_refused, aic_link_refused_frames(link));
	aic_link_release(link);
	conversation_release(conversation);
}

static void call_agent(size_t number)
{
	struct line *line = &lines[number];
	struct conversation *conversation = conversation_new(number,
		wanted.agents[line->next_agent++ % wanted.agent_count]);

	pthread_mutex_lock(&line->lock);
	line->current = conversation;
	pthread_mutex_unlock(&line->lock);
	aic_link_start(conversation->link);
}

static void feed_line(size_t number, const uint8_t *frame, size_t length)
{
	struct line *line = &lines[number];
	struct conversation *conversation = line->current;

	if (!conversation) {
		call_agent(number);
		return;
	}
	if (atomic_load(&conversation->ended) || ++conversation->frames_fed == FRAMES_PER_HANGUP + number) {
		hang_up(line);
		return;
	}
	aic_link_feed_audio(conversation->link, frame, length);
	count(&totals.frames_fed);
	if (conversation->frames_fed % FRAMES_PER_KEY == 0) {
		aic_link_feed_key(conversation->link, (char) ('0' + number % 10));
	}
}

static void *feed(void *arg)
{
	const struct feeder *feeder = arg;
	size_t length = aic_format_bytes(line_format, AIC_FRAME_MS);
	uint8_t frame[AIC_FRAME_BYTES_MAX];
	uint64_t due_us = aic_now_us();

	/* A square wave of 500 Hz in mu-law: +-8159/4. */
	for (size_t i = 0; i < length; i++) {
		frame[i] = i / 8 % 2 ? 0x9f : 0x1f;
	}
	while (!atomic_load(&stopping)) {
		for (size_t number = feeder->number; number < wanted.lines; number += wanted.feeders) {
			feed_line(number, frame, length);
		}
		sleep_until(due_us += US_PER_FRAME);
	}
	for (size_t number = feeder->number; number < wanted.lines; number += wanted.feeders) {
		if (lines[number].current) {
			hang_up(&lines[number]);
		}
	}
	return NULL;
}

static void take_stats(struct aic_conversation *conversation, void *arg)
{
	aic_conversation_stats(conversation, arg);
}

static void tell_context(struct aic_conversation *conversation, void *arg)
{
	if (!aic_conversation_context(conversation, arg)) {
		count(&totals.contexts);
	}
}

static void answer_tool(struct aic_conversation *conversation, void *arg)
{
	if (!aic_conversation_tool_result(conversation, arg, "{\"done\":true}", false, false)) {
		count(&totals.tool_results);
	}
}

static void operate_on(struct conversation *conversation)
{
	struct aic_conversation_stats stats;
	char tool_id[TOOL_ID_MAX];

	aic_link_query(conversation->link, take_stats, &stats);
	count(&totals.queries);
	if (stats.phase == AIC_PHASE_ACTIVE) {
		aic_link_query(conversation->link, tell_context, (void *) "The operator is looking.");
	}
	pthread_mutex_lock(&conversation->tool_lock);
	memcpy(tool_id, conversation->tool_id, sizeof(tool_id));
	conversation->tool_id[0] = '\0';
	pthread_mutex_unlock(&conversation->tool_lock);
	if (tool_id[0]) {
		aic_link_query(conversation->link, answer_tool, tool_id);
	}
}

static void *operate(void *arg)
{
	uint64_t due_us = aic_now_us();

	(void) arg;
	for (size_t number = 0; !atomic_load(&stopping); number = (number + 1) % wanted.lines) {
		struct conversation *conversation = line_conversation(&lines[number]);

		if (conversation) {
			operate_on(conversation);
			line_conversation_release(conversation);
		}
		sleep_until(due_us += US_PER_FRAME / 4);
	}
	return NULL;
}

/* --- the program --- */

static void log_line(void *user, enum aic_log_level level, const char *message)
{
	(void) user;
	fprintf(stderr, "link_threads: %s: %s\n", level == AIC_LOG_ERROR ? "error" : "warning", message);
}

static size_t number_argument(const char *text, size_t most)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || !number || number > most) {
		fprintf(stderr, "link_threads: expected a number from 1 to %zu, got '%s'\n", most, text);
		exit(2);
	}
	return number;
}

static void read_arguments(int argc, char **argv)
{
	static const struct option known[] = {
		{"endpoint", required_argument, NULL, 'e'}, {"signed-url-endpoint", required_argument, NULL, 'u'},
		{"api-key", required_argument, NULL, 'k'}, {"ca-file", required_argument, NULL, 'c'},
		{"agent", required_argument, NULL, 'a'}, {"lines", required_argument, NULL, 'l'},
		{"feeders", required_argument, NULL, 'f'}, {"loops", required_argument, NULL, 'o'},
		{"seconds", required_argument, NULL, 's'}, {"fail-after", required_argument, NULL, 'x'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'e':
			wanted.endpoint = optarg;
			break;
		case 'u':
			wanted.signed_url_endpoint = optarg;
			break;
		case 'k':
			wanted.api_key = optarg;
			break;
		case 'c':
			wanted.ca_file = optarg;
			break;
		case 'a':
			if (wanted.agent_count == AGENTS_MAX) {
				die("too many agents");
			}
			wanted.agents[wanted.agent_count++] = optarg;
			break;
		case 'l':
			wanted.lines = number_argument(optarg, LINES_MAX);
			break;
		case 'f':
			wanted.feeders = number_argument(optarg, FEEDERS_MAX);
			break;
		case 'o':
			wanted.loops = number_argument(optarg, LOOPS_MAX);
			break;
		case 's':
			wanted.seconds = (unsigned int) number_argument(optarg, 3600);
			break;
		case 'x':
			wanted.fail_after = (unsigned int) number_argument(optarg, 3600);
			break;
		default:
			exit(2);
		}
	}
	if (!wanted.agent_count || !(wanted.endpoint || (wanted.signed_url_endpoint && wanted.api_key))) {
		die("expected --agent ID, and --endpoint URL or --signed-url-endpoint URL with --api-key KEY");
	}
}

/* The linker has the network call these in the place of libwebsockets' own: they fail from some time on. */
int __real_lws_service(struct lws_context *context, int timeout_ms);
int __wrap_lws_service(struct lws_context *context, int timeout_ms);
int __real_lws_service_fd(struct lws_context *context, struct lws_pollfd *pollfd);
int __wrap_lws_service_fd(struct lws_context *context, struct lws_pollfd *pollfd);

int __wrap_lws_service(struct lws_context *context, int timeout_ms)
{
	return atomic_load(&libwebsockets_fails) ? -1 : __real_lws_service(context, timeout_ms);
}

int __wrap_lws_service_fd(struct lws_context *context, struct lws_pollfd *pollfd)
{
	return atomic_load(&libwebsockets_fails) ? -1 : __real_lws_service_fd(context, pollfd);
}

static void print_totals(void)
{
	printf("{\"conversations\": %" PRIu64 ", \"ready\": %" PRIu64 ", \"audio\": %" PRIu64 ", \"interruptions\": "
		"%" PRIu64
		", \"transcripts\": %" PRIu64 ", \"tool_calls\": %" PRIu64 ", \"tool_results\": %" PRIu64 ", \"errors\": "
		"%" PRIu64
		", \"frames_fed\": %" PRIu64 ", \"frames_refused\": %" PRIu64 ", \"frames_heard\": %" PRIu64 ", \"queries\": "
		"%" PRIu64
		", \"contexts\": %" PRIu64 ", \"tls_resumed\": %" PRIu64 ", \"alive\": %u, \"ended\": {",
		(uint64_t) totals.conversations, (uint64_t) totals.ready, (uint64_t) totals.audio,
		(uint64_t) totals.interruptions, (uint64_t) totals.transcripts, (uint64_t) totals.tool_calls,
		(uint64_t) totals.tool_results, (uint64_t) totals.errors, (uint64_t) totals.frames_fed,
		(uint64_t) totals.frames_refused, (uint64_t) totals.frames_heard, (uint64_t) totals.queries,
		(uint64_t) totals.contexts, (uint64_t) totals.tls_resumed, atomic_load(&alive));
	for (int status = 0; status <= AIC_STATUS_INVALID; status++) {
		printf("%s\"%s\": %" PRIu64, status ? ", " : "", aic_status_name((enum aic_status) status),
			(uint64_t) totals.ended[status]);
	}
	printf("}}\n");
}

int main(int argc, char **argv)
{
	struct feeder feeders[FEEDERS_MAX];
	pthread_t operator_thread;
	uint64_t began_us;

	read_arguments(argc, argv);
	if (!(resolver = aic_resolver_new())) {
		die("the resolver could not be started");
	}
	if (!(tls_sessions = aic_tls_sessions_new())) {
		die("out of memory");
	}
	for (size_t i = 0; i < wanted.loops; i++) {
		if (!(loops[i] = aic_event_loop_new(&aic_connection_protocol, tls_sessions,
			(struct aic_log) {log_line, NULL}))) {
			die("an event loop could not be started");
		}
	}
	for (size_t i = 0; i < wanted.lines; i++) {
		pthread_mutex_init(&lines[i].lock, NULL);
		lines[i].next_agent = i;
	}
	if (pthread_create(&operator_thread, NULL, operate, NULL)) {
		die("a thread could not be started");
	}
	for (size_t i = 0; i < wanted.feeders; i++) {
		feeders[i].number = i;
		if (pthread_create(&feeders[i].thread, NULL, feed, &feeders[i])) {
			die("a thread could not be started");
		}
	}
	began_us = aic_now_us();
	if (wanted.fail_after) {
		sleep_until(began_us + wanted.fail_after * UINT64_C(1000000));
		atomic_store(&libwebsockets_fails, true);
	}
	sleep_until(began_us + wanted.seconds * UINT64_C(1000000));
	atomic_store(&stopping, true);
	pthread_join(operator_thread, NULL);
	for (size_t i = 0; i < wanted.feeders; i++) {
		pthread_join(feeders[i].thread, NULL);
	}
	/* In the order in which the module stops them; what still closes is closed with its loop. */
	aic_resolver_free(resolver);
	for (size_t i = 0; i < wanted.loops; i++) {
		aic_event_loop_free(loops[i]);
	}
	aic_tls_sessions_free(tls_sessions);
	for (size_t i = 0; i < wanted.lines; i++) {
		pthread_mutex_destroy(&lines[i].lock);
	}
	print_totals();
	return 0;
}
