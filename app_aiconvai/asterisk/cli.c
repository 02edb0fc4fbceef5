/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/cli.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "agent_trial.h"
#include "agents.h"
#include "cli.h"
#include "event_publisher.h"
#include "journal.h"
#include "network.h"
#include "output.h"
#include "providers.h"
#include "session.h"
#include "session_events.h"
#include "session_report.h"
#include "sessions.h"

/* Every command is there under both words. */
#define COMMAND "{aiconvai|elevenlabs}"

static void seconds(uint64_t ms, char *buffer, size_t size)
{
	snprintf(buffer, size, "%" PRIu64 ":%02" PRIu64, ms / 60000, ms / 1000 % 60);
}

static char *show_agents(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	struct configuration *configuration;
	struct ao2_iterator iterator;
	struct agent *agent;
	int count = 0;

	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " show agents";
		entry->usage = "Usage: aiconvai show agents\n"
			"       Lists the configured agents, where they are reached and how many calls each has.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	if (!(configuration = agents_configuration())) {
		return CLI_FAILURE;
	}
	cli_line(a->fd, "%-20s %-12s %-34s %-14s %9s %6s  %s", "Agent", "Provider", "Agent ID", "API key", "Chunk ms",
		"Calls", "Endpoint");
	iterator = ao2_iterator_init(configuration->agents, 0);
	for (; (agent = ao2_iterator_next(&iterator)); ao2_ref(agent, -1)) {
		const struct aic_settings *settings = &agent->settings;
		char key[32] = "-", endpoint[256];

		if (settings->api_key) {
			aic_mask_secret(settings->api_key, key, sizeof(key));
		}
		cli_line(a->fd, "%-20s %-12s %-34s %-14s %9d %6d  %s", agent->name, aic_provider_of(settings->provider)->name,
			S_OR(settings->agent_id, "-"), key,
			(int) settings->audio_frames_buffer_ms, sessions_of(agent), agent_endpoint(agent, endpoint,
			sizeof(endpoint)));
		count++;
	}
	ao2_iterator_destroy(&iterator);
	cli_line(a->fd, "%d agent%s, from %s", count, count == 1 ? "" : "s", S_OR(configuration->file, "no file"));
	ao2_ref(configuration, -1);
	return CLI_SUCCESS;
}

static char *show_calls(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	struct ao2_iterator iterator;
	struct session *session;
	int count = 0;

	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " show calls";
		entry->usage = "Usage: aiconvai show calls\n"
			"       Lists the calls that are with an agent now.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	cli_line(a->fd, "%-32s %-20s %-14s %8s %10s %10s %8s  %s", "Channel", "Agent", "State", "Time", "Heard dB",
		"Spoken dB", "Queue ms", "Conversation");
	iterator = ao2_iterator_init(sessions_all(), 0);
	for (; (session = ao2_iterator_next(&iterator)); ao2_ref(session, -1)) {
		struct session_report report;
		char time[32];

		if (session_report(session, &report)) {
			continue;
		}
		seconds(report.duration_ms, time, sizeof(time));
		cli_line(a->fd, "%-32s %-20s %-14s %8s %10.1f %10.1f %8" PRIu64 "  %s", report.identity.channel_name,
			session_agent(session)->name, aic_phase_name(report.conversation.phase), time,
			report.conversation.uplink_dbfs, report.conversation.downlink_dbfs,
			aic_format_ms(session->line->format, report.playout.queued_bytes), report.conversation.conversation_id);
		count++;
	}
	ao2_iterator_destroy(&iterator);
	cli_line(a->fd, "%d call%s", count, count == 1 ? "" : "s");
	return CLI_SUCCESS;
}

static void print_opening(int fd, const char *what, const struct aic_open_times *times, const char *reply,
	const char *more)
{
	char text[160];

	cli_line(fd, "%-20s%s%s", what, describe_opening(times, reply, text, sizeof(text)), more);
}

/* Whether the caller's telephone sends the agent's voice back. */
static void print_echo(int fd, const struct aic_echo_report *echo)
{
	if (echo->delay_ms < 0) {
		cli_line(fd, "Echo:               none is known; the caller was heard over the agent %" PRIu64 " times",
			echo->openings);
	} else {
		cli_line(fd, "Echo:               at %.0f dB after %d ms; the caller was heard over the agent %" PRIu64
			" times", echo->return_db, echo->delay_ms, echo->openings);
	}
}

static void print_setup(int fd, const struct aic_conversation_stats *conversation)
{
	const struct aic_setup_times *setup = &conversation->setup;
	char metadata[64];

	cli_line(fd, "Set-up:             connected after %" PRIu64 " ms, ready after %" PRIu64 " ms, first audio after "
		"%" PRIu64 " ms",
		conversation->connected_us / 1000, conversation->ready_us / 1000, conversation->first_audio_us / 1000);
	if (setup->http.reply_us) {
		print_opening(fd, "Signed URL:", &setup->http, "reply", "");
	}
	snprintf(metadata, sizeof(metadata), ", metadata %.1f ms", milliseconds(setup->metadata_us));
	print_opening(fd, "WebSocket:", &setup->websocket, "upgrade", metadata);
}

static void print_report(int fd, const struct session *session, const struct session_report *report)
{
	const struct aic_conversation_stats *conversation = &report->conversation;
	const struct aic_playout_stats *playout = &report->playout;
	char line[32], uplink[32], downlink[32], time[32];

	seconds(report->duration_ms, time, sizeof(time));
	cli_line(fd, "Channel:            %s (%s)", report->identity.channel_name, report->identity.id);
	cli_line(fd, "Agent:              %s", session_agent(session)->name);
	cli_line(fd, "Conversation:       %s", conversation->conversation_id);
	cli_line(fd, "State:              %s, for %s, attempt %u; reconnected %" PRIu64 " times",
		aic_phase_name(conversation->phase), time, conversation->attempts, conversation->reopenings);
	if (conversation->state[0]) {
		cli_line(fd, "State of prompts:   %s", conversation->state);
	}
	cli_line(fd, "Formats:            channel %s, to the service %s, from the service %s",
		aic_format_name(session->line->format, line, sizeof(line)), aic_format_name(conversation->uplink_format, uplink,
		sizeof(uplink)), aic_format_name(conversation->downlink_format, downlink, sizeof(downlink)));
	cli_line(fd, "From the caller:    %" PRIu64 " frames, %" PRIu64 " bytes, level %.1f dBFS, noise %.1f dBFS; "
		"%" PRIu64 " frames refused", report->frames_received, conversation->uplink_bytes,
		conversation->uplink_dbfs, conversation->noise_dbfs, report->frames_refused);
	cli_line(fd, "To the service:     %" PRIu64 " chunks, %" PRIu64 " bytes; %zu bytes waiting, %" PRIu64 " dropped",
		conversation->uplink_chunks_sent, conversation->uplink_bytes_sent, conversation->uplink_bytes_waiting,
		conversation->uplink_bytes_dropped);
	cli_line(fd, "In the caller's gaps: %" PRIu64 " ms of silence", conversation->uplink_silence_ms);
	cli_line(fd, "From the service:   %" PRIu64 " chunks, %" PRIu64 " bytes, level %.1f dBFS",
		conversation->downlink_chunks, conversation->downlink_bytes, conversation->downlink_dbfs);
	cli_line(fd, "To the caller:      %" PRIu64 " frames played, %" PRIu64 " of them late, %" PRIu64 " lost",
		report->frames_played, report->frames_late, report->frames_lost);
	cli_line(fd, "Idle audio:         %" PRIu64 " frames", report->frames_idle);
	cli_line(fd, "Queue:              %zu chunks, %" PRIu64 " ms; %" PRIu64 " underruns, %" PRIu64 " bytes over the "
		"limit", playout->queued_chunks,
		aic_format_ms(session->line->format, playout->queued_bytes), playout->underruns, playout->bytes_overflow);
	cli_line(fd, "Playout delay:      %u ms; gaps of %" PRIu64 " ms heard within turns", playout->delay_ms,
		playout->gap_us / 1000);
	cli_line(fd, "Answers:            %" PRIu64 "; after %" PRIu64 " ms on average, %" PRIu64 " ms at the most; "
		"%" PRIu64 " missed", conversation->answers, aic_answer_mean_ms(conversation),
		conversation->slowest_answer_ms, conversation->answers_missed);
	cli_line(fd, "Holds:              %" PRIu64 "; %" PRIu64 " ms, without one that goes on", conversation->holds,
		conversation->held_ms);
	cli_line(fd, "Interruptions:      %" PRIu64 ", %" PRIu64 " ignored; %" PRIu64 " chunks removed, "
		"%" PRIu64 " chunks came too late", conversation->interruptions, conversation->interruptions_ignored,
		playout->chunks_interrupted, playout->chunks_late);
	if (!conversation->hears_caller) {
		cli_line(fd, "Activation:         the agent does not hear the caller yet (option activation)");
	}
	print_echo(fd, &conversation->echo);
	cli_line(fd, "Pauses:             %" PRIu64 ", the agent went on after %" PRIu64 " of them", conversation->pauses,
		conversation->pauses_withdrawn);
	if (playout->playing_event_id != AIC_EVENT_ID_NONE) {
		cli_line(fd, "Heard position:     event %" PRId64 ", %" PRIu64 " ms", playout->playing_event_id,
			playout->heard_samples * 1000 / session->line->format.rate);
	}
	print_setup(fd, conversation);
	cli_line(fd, "Pings:              %" PRIu64 ", last round trip %" PRId64 " ms", conversation->pings,
		conversation->last_ping_ms);
	cli_line(fd, "Messages:           %" PRIu64 " received, %" PRIu64 " sent; %" PRIu64 " unknown%s%s, "
		"%" PRIu64 " malformed", conversation->messages_received,
		conversation->messages_sent, conversation->unknown_messages, conversation->unknown_messages ? ", last " : "",
		conversation->last_unknown, conversation->malformed_messages);
	cli_line(fd, "Transcripts:        %" PRIu64 "; VAD scores %" PRIu64 ", last %.3f", conversation->transcripts,
		conversation->vad_scores, conversation->last_vad_score);
	cli_line(fd, "Tool calls:         %" PRIu64 ", %zu open, %" PRIu64 " timed out", conversation->tool_calls,
		conversation->open_tool_calls, conversation->tool_timeouts);
	cli_line(fd, "Texts cut, refused: %" PRIu64, conversation->texts_refused);
	cli_line(fd, "Errors:             %" PRIu64, conversation->errors);
	cli_line(fd, "Events dropped:     %" PRIu64, report->events_dropped);
	if (conversation->trouble[0]) {
		cli_line(fd, "Trouble:            %s", conversation->trouble);
	}
	if (report->ended) {
		cli_line(fd, "Ended:              %s, close code %u: %s", aic_status_name(report->outcome.status),
			report->outcome.close_code, report->outcome.reason);
	}
}

/* Completes the name of a channel, or a unique id. */
static char *complete_call(const char *word, int state)
{
	struct ao2_iterator iterator = ao2_iterator_init(sessions_all(), 0);
	struct session *session;
	char *match = NULL;
	int which = 0;

	for (; !match && (session = ao2_iterator_next(&iterator)); ao2_ref(session, -1)) {
		struct session_identity identity = session_identity(session);

		if (!strncasecmp(word, identity.channel_name, strlen(word)) && ++which > state) {
			match = ast_strdup(identity.channel_name);
		} else if (*word && !strncasecmp(word, identity.id, strlen(word)) && ++which > state) {
			match = ast_strdup(identity.id);
		}
	}
	ao2_iterator_destroy(&iterator);
	return match;
}

static char *show_call(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	struct session_report report;
	struct session *session;
	int failed;

	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " show call";
		entry->usage = "Usage: aiconvai show call <channel or id>\n"
			"       Shows everything about one call that is with an agent. The id is the channel's\n"
			"       unique id or the service's conversation id.\n";
		return NULL;
	case CLI_GENERATE:
		return a->pos == 3 ? complete_call(a->word, a->n) : NULL;
	}
	if (a->argc != 4) {
		return CLI_SHOWUSAGE;
	}
	switch (sessions_find(a->argv[3], &session)) {
	case SESSION_FOUND:
		break;
	case SESSION_UNKNOWN:
		cli_line(a->fd, "No call '%s' is with an agent; see 'aiconvai show calls'", a->argv[3]);
		return CLI_SUCCESS;
	case SESSION_AMBIGUOUS:
		cli_line(a->fd, "Several calls are known by '%s'; use the channel's unique id", a->argv[3]);
		return CLI_SUCCESS;
	}
	if (!(failed = session_report(session, &report))) {
		print_report(a->fd, session, &report);
	} else {
		cli_line(a->fd, "The call '%s' just ended", a->argv[3]);
	}
	ao2_ref(session, -1);
	return CLI_SUCCESS;
}

static char *show_stats(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	struct module_totals totals;
	struct channel_writer_totals written = channel_writer_totals();
	struct event_publisher_stats events;
	struct journal_stats journal;

	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " show stats";
		entry->usage = "Usage: aiconvai show stats\n"
			"       Shows what happened since the module was loaded.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	sessions_totals(&totals);
	event_publisher_stats(&events);
	journal_stats(&journal);
	cli_line(a->fd, "Version:            %s", AIC_VERSION);
	cli_line(a->fd, "Calls:              %d now, %d at once at the most, %" PRIu64 " in all",
		ao2_container_count(sessions_all()), totals.most_at_once, totals.calls);
	cli_line(a->fd, "Ended:              %" PRIu64 " completed, %" PRIu64 " by the caller, %" PRIu64 " at the time "
		"limit", totals.completed, totals.caller_hangups,
		totals.timeouts);
	cli_line(a->fd, "Failed:             %" PRIu64 " unavailable, "
		"%" PRIu64 " lost, %" PRIu64 " busy, %" PRIu64 " invalid", totals.unavailable, totals.lost, totals.busy,
		totals.invalid);
	cli_line(a->fd, "Frames played:      %" PRIu64, written.frames);
	cli_line(a->fd, "Idle audio:         %" PRIu64 " frames", written.idle);
	cli_line(a->fd, "Busy channels:      %" PRIu64 " times a frame had to wait for a channel's lock",
		written.busy);
	cli_line(a->fd, "Latest wake-up:     %.1f ms after its time", (double) network_late_us() / 1000);
	cli_line(a->fd, "Events told:        %" PRIu64 "; %zu waiting, %zu at once at the most", events.told,
		events.waiting, events.most_waiting);
	cli_line(a->fd, "Events dropped:     %" PRIu64 ", %" PRIu64 " of them calls of tools, beginnings or ends",
		events.dropped, events.dropped_important);
	cli_line(a->fd, "Journal:            %" PRIu64 " calls written; %zu waiting, %" PRIu64 " dropped%s",
		journal.written, journal.waiting, journal.dropped, journal.fails ? "; it cannot be written" : "");
	cli_line(a->fd, "Late events:        %" PRIu64 " times a call went on before its own were told", events.late_ends);
	return CLI_SUCCESS;
}

static void print_trial(int fd, const struct agent_trial_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct trial_step *step = &report->steps[i];
		char ms[24] = "";

		if (step->ms >= 0) {
			snprintf(ms, sizeof(ms), "%.1f ms", step->ms);
		}
		cli_line(fd, "%-7s%-14s%12s  %s", step->failed ? "FAILED" : "ok", step->name, ms, step->text);
	}
	cli_line(fd, report->is_good ? "Agent %s can be talked with" : "Agent %s cannot be talked with: calls for it get "
		"AICONVAI_STATUS=UNAVAILABLE", report->agent);
}

/* Completes the name of an agent. */
static char *complete_agent(const char *word, int state)
{
	struct configuration *configuration = agents_configuration();
	struct ao2_iterator iterator;
	struct agent *agent;
	char *match = NULL;
	int which = 0;

	if (!configuration) {
		return NULL;
	}
	iterator = ao2_iterator_init(configuration->agents, 0);
	for (; !match && (agent = ao2_iterator_next(&iterator)); ao2_ref(agent, -1)) {
		if (!strncasecmp(word, agent->name, strlen(word)) && ++which > state) {
			match = ast_strdup(agent->name);
		}
	}
	ao2_iterator_destroy(&iterator);
	ao2_ref(configuration, -1);
	return match;
}

static char *test_agent(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	struct configuration *configuration;
	struct agent_trial_report report;
	struct agent *agent;
	int failed;

	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " test agent";
		entry->usage = "Usage: aiconvai test agent NAME\n"
			"       Connects to the agent's service as a call does, without a call, until the agent\n"
			"       is heard: what was done, how long it took, and why it does not work.\n";
		return NULL;
	case CLI_GENERATE:
		return a->pos == 3 ? complete_agent(a->word, a->n) : NULL;
	}
	if (a->argc != 4) {
		return CLI_SHOWUSAGE;
	}
	configuration = agents_configuration();
	agent = configuration ? agents_find(configuration, a->argv[3]) : NULL;
	ao2_cleanup(configuration);
	if (!agent) {
		cli_line(a->fd, "No agent '%s' is configured: 'aiconvai show agents' lists those that are", a->argv[3]);
		return CLI_FAILURE;
	}
	failed = agent_trial_run(agent, &report);
	ao2_ref(agent, -1);
	if (failed) {
		cli_line(a->fd, "%d agents are being tried already, or memory is short: try again in a moment",
			AGENT_TRIALS_MAX);
		return CLI_FAILURE;
	}
	print_trial(a->fd, &report);
	return report.is_good ? CLI_SUCCESS : CLI_FAILURE;
}

static char *set_debug(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " debug {on|off}";
		entry->usage = "Usage: aiconvai debug {on|off}\n"
			"       Prints VAD scores and interruptions of all agents to the log, besides those\n"
			"       of the agents that have debug=yes.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	session_events_debug(!strcasecmp(a->argv[2], "on"));
	cli_line(a->fd, "Debugging is %s", session_events_is_debug() ? "on" : "off");
	return CLI_SUCCESS;
}

static char *reload(struct ast_cli_entry *entry, int command, struct ast_cli_args *a)
{
	struct configuration *configuration;

	switch (command) {
	case CLI_INIT:
		entry->command = COMMAND " reload";
		entry->usage = "Usage: aiconvai reload\n"
			"       Reads the configuration again. Calls that are with an agent keep what they began\n"
			"       with; a file with a mistake in it changes nothing.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 2) {
		return CLI_SHOWUSAGE;
	}
	if (agents_load(a->fd)) {
		cli_line(a->fd, "The configuration was not changed");
		return CLI_FAILURE;
	}
	if ((configuration = agents_configuration())) {
		cli_line(a->fd, "Loaded %d agents from %s", ao2_container_count(configuration->agents),
			S_OR(configuration->file, "no file"));
		ao2_ref(configuration, -1);
	}
	return CLI_SUCCESS;
}

static struct ast_cli_entry commands[] = {
	AST_CLI_DEFINE(show_agents, "List the configured agents"),
	AST_CLI_DEFINE(show_calls, "List the calls that are with an agent"),
	AST_CLI_DEFINE(show_call, "Show one call that is with an agent"),
	AST_CLI_DEFINE(show_stats, "Show what happened since the module was loaded"),
	AST_CLI_DEFINE(test_agent, "Connect to an agent's service without a call"),
	AST_CLI_DEFINE(set_debug, "Print VAD scores and interruptions to the log"),
	AST_CLI_DEFINE(reload, "Read the configuration again"),
};

int cli_register(void)
{
	return ast_cli_register_multiple(commands, ARRAY_LEN(commands));
}

void cli_unregister(void)
{
	ast_cli_unregister_multiple(commands, ARRAY_LEN(commands));
}
