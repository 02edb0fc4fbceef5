/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/manager.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "events.h"
#include "locks.h"
#include "output.h"
#include "session.h"
#include "session_events.h"
#include "sessions.h"
#include "tool_runs.h"
#include "utf8.h"

#include <time.h>

/* Speech, as the seeds of this project call it, above this score. */
#define HIGH_VAD_SCORE 0.5

static atomic_bool debug_all;

void session_events_debug(bool on)
{
	atomic_store(&debug_all, on);
}

bool session_events_is_debug(void)
{
	return atomic_load(&debug_all);
}

static bool is_debug(const struct session *session)
{
	return session_agent(session)->settings.debug || session_events_is_debug();
}

/* --- manager events --- */

/* Appends a header, of any length: a line, whatever is in the value. */
static void put_header(struct ast_str **body, const char *name, const char *value)
{
	size_t begin = ast_str_strlen(*body), length;
	char *line;

	ast_str_append(body, 0, "%s: %s", name, value);
	line = ast_str_buffer(*body) + begin;
	length = ast_str_strlen(*body) - begin;
	aic_utf8_line(line, length + 1, line);
	ast_str_update(*body);
	ast_str_append(body, 0, "\r\n");
}

/* The headers every event of ours begins with: the channel's, as Asterisk's own events have them, and that agent. */
static struct ast_str *new_body_about(struct session *session, const struct agent *agent)
{
	struct ast_str *body = ast_str_create(1024);
	struct ast_channel_snapshot *latest = ast_channel_snapshot_get_latest(session_identity(session).id);
	struct ast_str *channel = NULL;
	char conversation_id[sizeof(session->conversation_id)];

	if (!body) {
		ao2_cleanup(latest);
		return NULL;
	}
	session_lock(session);
	if (latest) {
		/* Kept, because the last events come when the channel may be gone. */
		ao2_cleanup(session->snapshot);
		session->snapshot = ao2_bump(latest);
	} else {
		latest = ao2_bump(session->snapshot);
	}
	ast_copy_string(conversation_id, session->conversation_id, sizeof(conversation_id));
	session_unlock(session);
	if (latest && (channel = ast_manager_build_channel_state_string(latest))) {
		ast_str_append(&body, 0, "%s", ast_str_buffer(channel));
		ast_free(channel);
	}
	ao2_cleanup(latest);
	put_header(&body, "Agent", agent->name);
	put_header(&body, "ConversationID", conversation_id);
	return body;
}

/* The same with the agent that has the call. */
static struct ast_str *new_body(struct session *session)
{
	return new_body_about(session, session_agent(session));
}

/* Adds a line "Name: value" of a body to an event. */
static void add_header(struct ast_json *event, char *line)
{
	char *value = strchr(line, ':');

	if (!value) {
		return;
	}
	*value++ = '\0';
	/* A caller's name, which Asterisk has written, may be in any encoding, and have anything in it; JSON takes one. */
	aic_utf8_line(value, strlen(value) + 1, value);
	ast_json_object_set(event, line, ast_json_string_create(ast_skip_blanks(value)));
}

/*
 * Sends an event the way Asterisk's own about the channel go, so that it comes neither before nor after them out of
 * turn.
 */
static void send_event(const char *name, struct ast_str *body)
{
	struct ast_json *event = ast_json_object_create();
	char *rest = ast_str_buffer(body), *line;

	while (event && (line = strsep(&rest, "\r\n"))) {
		add_header(event, line);
	}
	ast_manager_publish_event(name, EVENT_FLAG_CALL, event);
	ast_json_unref(event);
	ast_free(body);
}

void session_tell_start(struct session *session)
{
	struct ast_str *body = new_body(session);
	char name[32];

	if (!body) {
		return;
	}
	put_header(&body, "LineFormat", aic_format_name(session->line->format, name, sizeof(name)));
	send_event("AIConvAIStart", body);
}

static void on_ready(struct session *session, const struct aic_event *event)
{
	struct ast_str *body;
	char name[32];

	session_lock(session);
	ast_copy_string(session->conversation_id, event->ready.conversation_id, sizeof(session->conversation_id));
	session_unlock(session);
	if (!(body = new_body(session))) {
		return;
	}
	put_header(&body, "UplinkFormat", aic_format_name(event->ready.uplink, name, sizeof(name)));
	put_header(&body, "DownlinkFormat", aic_format_name(event->ready.downlink, name, sizeof(name)));
	ast_str_append(&body, 0, "ReadyMs: %" PRIu64 "\r\n", (aic_now_us() - session->begun_us) / 1000);
	send_event("AIConvAIReady", body);
}

static void put_event_id(struct ast_str **body, const char *name, int64_t event_id)
{
	if (event_id != AIC_EVENT_ID_NONE) {
		ast_str_append(body, 0, "%s: %" PRId64 "\r\n", name, event_id);
	}
}

static void on_transcript(struct session *session, const struct aic_event *event)
{
	struct ast_str *body = new_body(session);

	if (!body) {
		return;
	}
	put_header(&body, "Role", event->transcript.role == AIC_ROLE_CALLER ? "caller" : "agent");
	put_header(&body, "Final", event->transcript.kind == AIC_TRANSCRIPT_TENTATIVE ? "no" : "yes");
	put_header(&body, "Correction", event->transcript.kind == AIC_TRANSCRIPT_CORRECTED ? "yes" : "no");
	put_event_id(&body, "EventID", event->transcript.event_id);
	put_header(&body, "Text", event->transcript.text);
	send_event("AIConvAITranscript", body);
}

static void log_interruption(const struct aic_event *event)
{
	const struct aic_interruption *result = event->interruption.result;
	size_t named = result->removed_chunks < AIC_REMOVED_IDS_MAX ? result->removed_chunks : AIC_REMOVED_IDS_MAX;
	int64_t event_id = event->interruption.event_id;

	log_line(LOG_NOTICE, "=== INTERRUPTION MESSAGE ===");
	log_line(LOG_NOTICE, "Event ID: %" PRId64, event_id);
	log_line(LOG_NOTICE, "User interrupted AI speech - stopping playback");
	log_line(LOG_NOTICE, "Processing interruption for event_id=%" PRId64 " - clearing older audio", event_id);
	for (size_t i = 0; i < named; i++) {
		log_line(LOG_NOTICE, "Removing audio chunk with event_id=%" PRId64 " (\u2264%" PRId64 ")",
			result->removed_ids[i], event_id);
	}
	log_line(LOG_NOTICE, "Interruption processing complete: removed %zu audio chunks with event_id \u2264 %" PRId64,
		result->removed_chunks, event_id);
	log_line(LOG_NOTICE, "Remaining audio chunks in queue: %zu", result->remaining_chunks);
	log_line(LOG_NOTICE, "=== END INTERRUPTION ===");
}

static void on_interruption(struct session *session, const struct aic_event *event)
{
	struct ast_str *body = new_body(session);

	if (is_debug(session)) {
		log_interruption(event);
	}
	if (!body) {
		return;
	}
	put_event_id(&body, "EventID", event->interruption.event_id);
	ast_str_append(&body, 0, "ChunksRemoved: %zu\r\nChunksRemaining: %zu\r\n",
		event->interruption.result->removed_chunks, event->interruption.result->remaining_chunks);
	put_event_id(&body, "HeardEventID", event->interruption.result->heard_event_id);
	ast_str_append(&body, 0, "HeardMs: %" PRIu64 "\r\n", event->interruption.heard_ms);
	send_event("AIConvAIInterruption", body);
}

static void on_vad(struct session *session, const struct aic_event *event)
{
	struct timeval now = ast_tvnow();
	struct tm when;
	char date[32];

	if (!is_debug(session)) {
		return;
	}
	/* Not ast_localtime(): it reads the zone's file, and at its first use leaves a thread that watches it. */
	gmtime_r(&now.tv_sec, &when);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &when);
	log_line(LOG_NOTICE, "=== VAD SCORE MESSAGE ===");
	log_line(LOG_NOTICE, "VAD Score: %.3f", event->vad.score);
	log_line(LOG_NOTICE, "Timestamp: %s.%03dZ", date, (int) (now.tv_usec / 1000));
	log_line(LOG_NOTICE, "%s voice activity detected (score=%.3f)", event->vad.score > HIGH_VAD_SCORE ? "HIGH" : "LOW",
		event->vad.score);
	log_line(LOG_NOTICE, "=== END VAD SCORE ===");
}

static void on_tool_call(struct session *session, const struct aic_event *event)
{
	enum aic_tool_run run = event->tool_call.run;
	struct ast_str *body = new_body(session);

	atomic_fetch_add(&session->open_tools, 1);
	if (!session->options.background && (run == AIC_TOOL_GOSUB || run == AIC_TOOL_SEND_DTMF)) {
		tool_runs_add(session, event);
	}
	session_want_thread(session);
	if (!body) {
		return;
	}
	put_header(&body, "ToolCallID", event->tool_call.id);
	put_header(&body, "ToolName", event->tool_call.name);
	put_header(&body, "Parameters", event->tool_call.parameters);
	put_header(&body, "Run", aic_tool_run_name(event->tool_call.run));
	ast_str_append(&body, 0, "TimeoutMs: %d\r\n", (int) session_agent(session)->settings.tool_timeout_ms);
	send_event("AIConvAIToolCall", body);
}

static void on_tool_done(struct session *session, const struct aic_event *event)
{
	/* Nobody would be told of its result any more: what has not begun does not. */
	tool_runs_forget(session, event->tool_done.id);
	atomic_fetch_sub(&session->open_tools, 1);
	session_want_thread(session);
}

static void on_state(struct session *session, const struct aic_event *event)
{
	struct ast_str *body = new_body(session);

	if (!body) {
		return;
	}
	put_header(&body, "State", event->state.name);
	send_event("AIConvAIState", body);
}

void session_tell_failover(struct session *session, const struct agent *failed, const char *reason)
{
	const struct agent *next = session_agent(session);
	struct ast_str *body;

	log_line(LOG_WARNING, "%s: agent %s cannot have the call, %s takes it: %s", session_identity(session).id,
		failed->name, next->name, reason);
	if ((body = new_body_about(session, failed))) {
		put_header(&body, "NextAgent", next->name);
		put_header(&body, "Reason", reason);
		send_event("AIConvAIFailover", body);
	}
}

static void on_error(struct session *session, const struct aic_event *event)
{
	struct ast_str *body = new_body(session);

	log_line(LOG_WARNING, "%s: agent %s: %s", session_identity(session).id, session_agent(session)->name,
		event->error.message);
	if (!body) {
		return;
	}
	put_header(&body, "Message", event->error.message);
	send_event("AIConvAIError", body);
}

static void put_ms(struct ast_str **body, const char *name, uint64_t us)
{
	ast_str_append(body, 0, "%s: %" PRIu64 ".%03u\r\n", name, us / 1000, (unsigned int) (us % 1000));
}

static void put_setup(struct ast_str **body, const struct aic_setup_times *setup)
{
	put_ms(body, "SignedUrlDnsMs", setup->http.dns_us);
	put_ms(body, "SignedUrlTcpMs", setup->http.tcp_us);
	put_ms(body, "SignedUrlTlsMs", setup->http.tls_us);
	put_ms(body, "SignedUrlReplyMs", setup->http.reply_us);
	put_ms(body, "DnsMs", setup->websocket.dns_us);
	put_ms(body, "TcpMs", setup->websocket.tcp_us);
	put_ms(body, "TlsMs", setup->websocket.tls_us);
	put_header(body, "TlsResumed", setup->websocket.tls_resumed ? "yes" : "no");
	put_ms(body, "UpgradeMs", setup->websocket.reply_us);
	put_ms(body, "MetadataMs", setup->metadata_us);
}

static void put_statistics(struct ast_str **body, struct session *session, const struct aic_conversation_stats *stats)
{
	struct aic_playout_stats playout;

	aic_playout_queue_stats(session->playout, &playout);
	ast_str_append(body, 0, "DurationMs: %" PRIu64 "\r\n", (aic_now_us() - session->begun_us) / 1000);
	ast_str_append(body, 0, "Attempts: %u\r\nReconnects: %" PRIu64 "\r\n", stats->attempts, stats->reopenings);
	ast_str_append(body, 0, "FramesReceived: %" PRIu64 "\r\n", (uint64_t) atomic_load(&session->line->frames_received));
	ast_str_append(body, 0, "FramesPlayed: %" PRIu64 "\r\n", (uint64_t) atomic_load(&session->line->frames_played));
	ast_str_append(body, 0, "ChunksSent: %" PRIu64 "\r\nChunksReceived: %" PRIu64 "\r\n", stats->uplink_chunks_sent,
		stats->downlink_chunks);
	ast_str_append(body, 0, "UplinkLevel: %.1f\r\nDownlinkLevel: %.1f\r\n", stats->uplink_dbfs, stats->downlink_dbfs);
	ast_str_append(body, 0, "Interruptions: %" PRIu64 "\r\nUnderruns: %" PRIu64 "\r\n", stats->interruptions,
		playout.underruns);
	ast_str_append(body, 0, "GapMs: %" PRIu64 "\r\nPlayoutDelayMs: %u\r\n", playout.gap_us / 1000, playout.delay_ms);
	ast_str_append(body, 0, "ConnectMs: %" PRIu64 "\r\nReadyMs: %" PRIu64 "\r\nFirstAudioMs: %" PRIu64 "\r\n",
		stats->connected_us / 1000, stats->ready_us / 1000, stats->first_audio_us / 1000);
	put_setup(body, &stats->setup);
}

static void on_ended(struct session *session, const struct aic_event *event)
{
	const struct aic_outcome *outcome = event->ended;
	struct ast_str *body;

	session_lock(session);
	session->outcome = *outcome;
	atomic_store(&session->ended, true);
	session_unlock(session);
	sessions_count_end(outcome->status);
	if (aic_status_is_failure(outcome->status)) {
		log_line(LOG_WARNING, "%s: agent %s: %s: %s", session_identity(session).id, session_agent(session)->name,
			aic_status_name(outcome->status), outcome->reason);
	}
	if ((body = new_body(session))) {
		put_header(&body, "Status", aic_status_name(outcome->status));
		put_header(&body, "Reason", outcome->reason);
		put_header(&body, "Transfer", outcome->transfer);
		ast_str_append(&body, 0, "CloseCode: %u\r\n", outcome->close_code);
		put_statistics(&body, session, event->stats);
		send_event("AIConvAIEnd", body);
	}
}

void session_on_event(void *user, const struct aic_event *event)
{
	struct session *session = user;

	switch (event->type) {
	case AIC_EVENT_READY:
		on_ready(session, event);
		break;
	case AIC_EVENT_AUDIO:
		/* The link plays it. */
		break;
	case AIC_EVENT_TRANSCRIPT:
		on_transcript(session, event);
		break;
	case AIC_EVENT_INTERRUPTION:
		on_interruption(session, event);
		break;
	case AIC_EVENT_VAD:
		on_vad(session, event);
		break;
	case AIC_EVENT_TOOL_CALL:
		on_tool_call(session, event);
		break;
	case AIC_EVENT_TOOL_DONE:
		on_tool_done(session, event);
		break;
	case AIC_EVENT_STATE:
		on_state(session, event);
		break;
	case AIC_EVENT_FAILOVER:
		session_tell_failover(session, session_agent_at(session, session->failed), event->failover.reason);
		break;
	case AIC_EVENT_ERROR:
		on_error(session, event);
		break;
	case AIC_EVENT_ENDED:
		on_ended(session, event);
		break;
	}
}
