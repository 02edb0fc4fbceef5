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

#include "call_journal.h"
#include "locks.h"
#include "output.h"
#include "session.h"
#include "told_event.h"
#include "utf8.h"

#include <stdatomic.h>
#include <time.h>

/* Speech, as the seeds of this project call it, above this score. */
#define HIGH_VAD_SCORE 0.5

/* --- written down --- */

static void told_call_destroy(void *object)
{
	struct told_call *call = object;

	ao2_cleanup(call->snapshot);
	ast_json_unref(call->journal.events);
	ast_cond_destroy(&call->is_published);
}

/* The second in which it begins and a number since the module was loaded, which takes longer than a second. */
static void name_record(struct told_call *call)
{
	static atomic_uint_fast64_t number;

	snprintf(call->record, sizeof(call->record), "%lld.%" PRIu64, (long long) ast_tvnow().tv_sec,
		atomic_fetch_add(&number, 1) + 1);
}

struct told_call *told_call_new(struct ast_channel_snapshot *snapshot)
{
	struct told_call *call = ao2_alloc_options(sizeof(*call), told_call_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);
	pthread_condattr_t attributes;

	if (!call) {
		ao2_cleanup(snapshot);
		return NULL;
	}
	call->snapshot = snapshot;
	name_record(call);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	ast_cond_init(&call->is_published, &attributes);
	pthread_condattr_destroy(&attributes);
	return call;
}

/* Appends a copy of the text at `*end`. Returns it. */
static const char *put_text(char **end, const char *text, size_t length)
{
	char *copy = *end;

	memcpy(copy, text, length);
	copy[length] = '\0';
	*end += length + 1;
	return copy;
}

struct told_event *told_event_new(struct session *session, enum told_kind kind, const struct agent *agent,
	const char *const *texts, size_t text_count, size_t more_bytes, void **more)
{
	struct session_identity identity;
	char conversation_id[sizeof(session->conversation_id)];
	size_t lengths[TOLD_TEXTS_MAX] = {0}, bytes;
	struct told_event *event;
	char *end;

	session_lock(session);
	identity = session->identity;
	ast_copy_string(conversation_id, session->conversation_id, sizeof(conversation_id));
	session_unlock(session);
	bytes = sizeof(*event) + more_bytes + strlen(identity.id) + strlen(agent->name) + strlen(conversation_id) + 3;
	for (size_t i = 0; i < text_count; i++) {
		lengths[i] = strlen(texts[i]);
		bytes += lengths[i] + 1;
	}
	if (!(event = ast_malloc(bytes))) {
		return NULL;
	}
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->call = ao2_bump(session->told);
	event->when = ast_tvnow();
	event->bytes = bytes;
	/* A reference to what is there; nothing is made. What only the log tells says nothing of the channel. */
	event->snapshot = kind == TOLD_VAD ? NULL : ast_channel_snapshot_get_latest(identity.id);
	if (more) {
		*more = event + 1;
	}
	end = (char *) (event + 1) + more_bytes;
	event->id = put_text(&end, identity.id, strlen(identity.id));
	event->agent = put_text(&end, agent->name, strlen(agent->name));
	event->conversation_id = put_text(&end, conversation_id, strlen(conversation_id));
	for (size_t i = 0; i < text_count; i++) {
		event->texts[i] = put_text(&end, texts[i], lengths[i]);
	}
	return event;
}

void told_event_free(struct told_event *event)
{
	ao2_cleanup(event->snapshot);
	ao2_ref(event->call, -1);
	ast_free(event);
}

/* --- told --- */

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

/* The headers of a body, which is changed by it. Returns a reference; NULL when memory is short. */
static struct ast_json *headers_of(struct ast_str *body)
{
	struct ast_json *headers = ast_json_object_create();
	char *rest = ast_str_buffer(body), *line;

	while (headers && (line = strsep(&rest, "\r\n"))) {
		add_header(headers, line);
	}
	return headers;
}

/* What the channel is, as Asterisk's own events say it. Returns a reference; NULL: it is not known. */
static struct ast_json *channel_of(const struct told_event *event)
{
	struct told_call *call = event->call;
	struct ast_json *headers = NULL;
	struct ast_str *body;

	if (event->snapshot) {
		/* Kept, because the last events come when the channel may be gone. */
		ao2_replace(call->snapshot, event->snapshot);
	}
	if (call->snapshot && (body = ast_manager_build_channel_state_string(call->snapshot))) {
		headers = headers_of(body);
		ast_free(body);
	}
	return headers;
}

static void put_format(struct ast_str **body, const char *name, struct aic_audio_format format)
{
	char text[32];

	put_header(body, name, aic_format_name(format, text, sizeof(text)));
}

static void put_event_id(struct ast_str **body, const char *name, int64_t event_id)
{
	if (event_id != AIC_EVENT_ID_NONE) {
		ast_str_append(body, 0, "%s: %" PRId64 "\r\n", name, event_id);
	}
}

static void put_ready(struct ast_str **body, const struct told_event *event)
{
	put_format(body, "UplinkFormat", event->ready.uplink);
	put_format(body, "DownlinkFormat", event->ready.downlink);
	ast_str_append(body, 0, "ReadyMs: %" PRIu64 "\r\n", event->ready.ms);
}

static void put_transcript(struct ast_str **body, const struct told_event *event)
{
	put_header(body, "Role", event->transcript.role == AIC_ROLE_CALLER ? "caller" : "agent");
	put_header(body, "Final", event->transcript.kind == AIC_TRANSCRIPT_TENTATIVE ? "no" : "yes");
	put_header(body, "Correction", event->transcript.kind == AIC_TRANSCRIPT_CORRECTED ? "yes" : "no");
	ast_str_append(body, 0, "Turn: %" PRIu64 "\r\nSpokenMs: %" PRIu64 "\r\n", event->transcript.turn,
		event->transcript.spoken_ms);
	put_event_id(body, "EventID", event->transcript.event_id);
	put_header(body, "Text", event->texts[0]);
}

static void log_interruption(int64_t event_id, const struct aic_interruption *result)
{
	size_t named = result->removed_chunks < AIC_REMOVED_IDS_MAX ? result->removed_chunks : AIC_REMOVED_IDS_MAX;

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

static void put_interruption(struct ast_str **body, const struct told_event *event)
{
	const struct aic_interruption *result = event->interruption.result;

	put_event_id(body, "EventID", event->interruption.event_id);
	ast_str_append(body, 0, "ChunksRemoved: %zu\r\nChunksRemaining: %zu\r\n", result->removed_chunks,
		result->remaining_chunks);
	put_event_id(body, "HeardEventID", result->heard_event_id);
	ast_str_append(body, 0, "HeardMs: %" PRIu64 "\r\n", event->interruption.heard_ms);
}

static void log_vad(double score, const struct timeval *now)
{
	struct tm when;
	char date[32];

	/* Not ast_localtime(): it reads the zone's file, and at its first use leaves a thread that watches it. */
	gmtime_r(&now->tv_sec, &when);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &when);
	log_line(LOG_NOTICE, "=== VAD SCORE MESSAGE ===");
	log_line(LOG_NOTICE, "VAD Score: %.3f", score);
	log_line(LOG_NOTICE, "Timestamp: %s.%03dZ", date, (int) (now->tv_usec / 1000));
	log_line(LOG_NOTICE, "%s voice activity detected (score=%.3f)", score > HIGH_VAD_SCORE ? "HIGH" : "LOW", score);
	log_line(LOG_NOTICE, "=== END VAD SCORE ===");
}

static void put_tool_call(struct ast_str **body, const struct told_event *event)
{
	put_header(body, "ToolCallID", event->texts[0]);
	put_header(body, "ToolName", event->texts[1]);
	put_header(body, "Parameters", event->texts[2]);
	put_header(body, "Run", aic_tool_run_name(event->tool_call.run));
	put_header(body, "Runner", event->texts[3]);
	put_header(body, "Schema", event->texts[4]);
	ast_str_append(body, 0, "TimeoutMs: %d\r\n", event->tool_call.timeout_ms);
}

/* What begins, and ends after so long. */
static void put_stretch(struct ast_str **body, const char *name, const struct told_event *event)
{
	put_header(body, name, event->stretch.is_on ? "begun" : "ended");
	if (!event->stretch.is_on) {
		ast_str_append(body, 0, "LastedMs: %" PRIu64 "\r\n", event->stretch.lasted_ms);
	}
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

static void put_end(struct ast_str **body, const struct told_end *end)
{
	const struct aic_conversation_stats *stats = &end->conversation;

	put_header(body, "Status", aic_status_name(end->outcome.status));
	put_header(body, "Reason", end->outcome.reason);
	put_header(body, "Transfer", end->outcome.transfer);
	ast_str_append(body, 0, "CloseCode: %u\r\n", end->outcome.close_code);
	ast_str_append(body, 0, "DurationMs: %" PRIu64 "\r\n", end->duration_ms);
	ast_str_append(body, 0, "Attempts: %u\r\nReconnects: %" PRIu64 "\r\n", stats->attempts, stats->reopenings);
	ast_str_append(body, 0, "FramesReceived: %" PRIu64 "\r\nFramesPlayed: %" PRIu64 "\r\n", end->frames_received,
		end->frames_played);
	ast_str_append(body, 0, "ChunksSent: %" PRIu64 "\r\nChunksReceived: %" PRIu64 "\r\n", stats->uplink_chunks_sent,
		stats->downlink_chunks);
	ast_str_append(body, 0, "UplinkLevel: %.1f\r\nDownlinkLevel: %.1f\r\n", stats->uplink_dbfs, stats->downlink_dbfs);
	ast_str_append(body, 0, "Interruptions: %" PRIu64 "\r\nUnderruns: %" PRIu64 "\r\n", stats->interruptions,
		end->playout.underruns);
	ast_str_append(body, 0, "GapMs: %" PRIu64 "\r\nPlayoutDelayMs: %u\r\n", end->playout.gap_us / 1000,
		end->playout.delay_ms);
	ast_str_append(body, 0, "ConnectMs: %" PRIu64 "\r\nReadyMs: %" PRIu64 "\r\nFirstAudioMs: %" PRIu64 "\r\n",
		stats->connected_us / 1000, stats->ready_us / 1000, stats->first_audio_us / 1000);
	ast_str_append(body, 0, "Answers: %" PRIu64 "\r\nAnswerMs: %" PRIu64 "\r\nSlowestAnswerMs: %" PRIu64 "\r\n"
		"AnswersMissed: %" PRIu64 "\r\n", stats->answers, aic_answer_mean_ms(stats), stats->slowest_answer_ms,
		stats->answers_missed);
	ast_str_append(body, 0, "EchoDelayMs: %d\r\nEchoReturnDb: %.1f\r\nEchoOpenings: %" PRIu64 "\r\n",
		stats->echo.delay_ms, stats->echo.return_db, stats->echo.openings);
	ast_str_append(body, 0, "Pauses: %" PRIu64 "\r\nPausesWithdrawn: %" PRIu64 "\r\n", stats->pauses,
		stats->pauses_withdrawn);
	ast_str_append(body, 0, "InputTokens: %" PRIu64 "\r\nOutputTokens: %" PRIu64 "\r\n", stats->input_tokens,
		stats->output_tokens);
	ast_str_append(body, 0, "EventsDropped: %" PRIu64 "\r\n", end->events_dropped);
	put_setup(body, &stats->setup);
}

/* Appends what this kind of event says, and no other. Returns the event's name. */
static const char *put_rest(struct ast_str **body, const struct told_event *event)
{
	switch (event->kind) {
	case TOLD_START:
		put_format(body, "LineFormat", event->start.line);
		put_header(body, "Recording", event->texts[0]);
		ast_str_append(body, 0, "RecordedMs: %" PRIu64 "\r\n", event->start.recorded_ms);
		return "AIConvAIStart";
	case TOLD_LOOKUP:
		put_header(body, "Runner", event->texts[0]);
		ast_str_append(body, 0, "TimeoutMs: %d\r\n", event->lookup.timeout_ms);
		return "AIConvAILookup";
	case TOLD_READY:
		put_ready(body, event);
		return "AIConvAIReady";
	case TOLD_TRANSCRIPT:
		put_transcript(body, event);
		return "AIConvAITranscript";
	case TOLD_INTERRUPTION:
		put_interruption(body, event);
		return "AIConvAIInterruption";
	case TOLD_VAD:
		break;
	case TOLD_ANSWER:
		ast_str_append(body, 0, "LatencyMs: %" PRIu64 "\r\n", event->answer.latency_ms);
		return "AIConvAIAnswer";
	case TOLD_TOOL_CALL:
		put_tool_call(body, event);
		return "AIConvAIToolCall";
	case TOLD_TOOL_CANCELLED:
		put_header(body, "ToolCallID", event->texts[0]);
		put_header(body, "ToolName", event->texts[1]);
		return "AIConvAIToolCancelled";
	case TOLD_TOOL_DONE:
		put_header(body, "ToolCallID", event->texts[0]);
		put_header(body, "ToolName", event->texts[1]);
		put_header(body, "Error", event->tool_done.is_error ? "yes" : "no");
		put_header(body, "Result", event->texts[2]);
		return "AIConvAIToolDone";
	case TOLD_ECHO:
		ast_str_append(body, 0, "EchoDelayMs: %d\r\nEchoReturnDb: %.1f\r\n", event->echo.delay_ms,
			event->echo.return_db);
		return "AIConvAIEcho";
	case TOLD_KEYS:
		put_header(body, "Keys", event->texts[0]);
		put_header(body, "Secret", event->keys.secret ? "yes" : "no");
		return "AIConvAIKeys";
	case TOLD_PAUSE:
		put_stretch(body, "Pause", event);
		if (!event->stretch.is_on) {
			put_header(body, "Interrupted", event->stretch.interrupted ? "yes" : "no");
		}
		return "AIConvAIPause";
	case TOLD_HOLD:
		put_stretch(body, "Hold", event);
		return "AIConvAIHold";
	case TOLD_LISTENING:
		put_stretch(body, "Listening", event);
		put_header(body, "Destination", event->texts[0]);
		return "AIConvAIListening";
	case TOLD_STATE:
		put_header(body, "State", event->texts[0]);
		return "AIConvAIState";
	case TOLD_HAND_OVER:
		put_header(body, "NextAgent", event->texts[0]);
		return "AIConvAIHandOver";
	case TOLD_FAILOVER:
		put_header(body, "NextAgent", event->texts[0]);
		put_header(body, "Reason", event->texts[1]);
		return "AIConvAIFailover";
	case TOLD_TROUBLE:
		put_header(body, "Trouble", event->texts[1]);
		put_header(body, "Message", event->texts[0]);
		return "AIConvAITrouble";
	case TOLD_ERROR:
		put_header(body, "Message", event->texts[0]);
		return "AIConvAIError";
	case TOLD_END:
		put_end(body, event->end);
		return "AIConvAIEnd";
	}
	return NULL;
}

/* What the log says of it. */
static void log_event(const struct told_event *event)
{
	switch (event->kind) {
	case TOLD_INTERRUPTION:
		if (event->interruption.logged) {
			log_interruption(event->interruption.event_id, event->interruption.result);
		}
		break;
	case TOLD_VAD:
		log_vad(event->vad.score, &event->when);
		break;
	case TOLD_FAILOVER:
		log_line(LOG_WARNING, "%s: agent %s cannot have the call, %s takes it: %s", event->id, event->agent,
			event->texts[0], event->texts[1]);
		break;
	case TOLD_TROUBLE:
	case TOLD_ERROR:
		log_line(LOG_WARNING, "%s: agent %s: %s", event->id, event->agent, event->texts[0]);
		break;
	case TOLD_END:
		if (aic_status_is_failure(event->end->outcome.status)) {
			log_line(LOG_WARNING, "%s: agent %s: %s: %s", event->id, event->agent,
				aic_status_name(event->end->outcome.status), event->end->outcome.reason);
		}
		break;
	case TOLD_START:
	case TOLD_LOOKUP:
	case TOLD_READY:
	case TOLD_TRANSCRIPT:
	case TOLD_ANSWER:
	case TOLD_TOOL_CALL:
	case TOLD_TOOL_CANCELLED:
	case TOLD_TOOL_DONE:
	case TOLD_ECHO:
	case TOLD_KEYS:
	case TOLD_PAUSE:
	case TOLD_HOLD:
	case TOLD_LISTENING:
	case TOLD_STATE:
	case TOLD_HAND_OVER:
		break;
	}
}

/* What this event says, in the order in which managers are told. Returns a reference; NULL when memory is short. */
static struct ast_json *own_headers(const struct told_event *event, const char **name)
{
	struct ast_str *body = ast_str_create(1024);
	struct ast_json *own;

	if (!body) {
		return NULL;
	}
	put_header(&body, "Agent", event->agent);
	put_header(&body, "ConversationID", event->conversation_id);
	put_header(&body, "Record", event->call->record);
	ast_str_append(&body, 0, "Time: %lld.%06ld\r\n", (long long) event->when.tv_sec, (long) event->when.tv_usec);
	*name = put_rest(&body, event);
	own = headers_of(body);
	ast_free(body);
	return own;
}

/*
 * Goes the way of Asterisk's own events about the channel, so that it comes neither before nor after them out of turn.
 */
void told_event_publish(const struct told_event *event)
{
	struct ast_json *channel, *own, *all;
	const char *name;

	log_event(event);
	if (event->kind == TOLD_VAD || !(own = own_headers(event, &name))) {
		return;
	}
	channel = channel_of(event);
	call_journal_note(event, name, channel, own);
	all = channel ? channel : ast_json_object_create();
	if (all) {
		ast_json_object_update(all, own);
		ast_manager_publish_event(name, event->kind == TOLD_KEYS && event->keys.secret ? EVENT_FLAG_DTMF
			: EVENT_FLAG_CALL, all);
	}
	ast_json_unref(all);
	ast_json_unref(own);
}
