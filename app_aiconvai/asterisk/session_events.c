/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/strings.h"
#include "asterisk/time.h"
#include "asterisk/utils.h"

#include "collected_digits.h"
#include "event_publisher.h"
#include "events.h"
#include "locks.h"
#include "session.h"
#include "session_events.h"
#include "sessions.h"
#include "told_event.h"
#include "tool_runs.h"
#include "transfer.h"

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

/*
 * What every event tells, and copies of the texts, of which there are so many; said of that agent. `more_bytes` and
 * `more` are as told_event_new() has them. NULL where it is dropped, or memory is short.
 */
static struct told_event *new_event_about(struct session *session, const struct agent *agent, enum told_kind kind,
	enum told_importance importance, const char *const *texts, size_t text_count, size_t more_bytes, void **more)
{
	struct told_event *told;

	/* Nothing is made of what would be dropped: that is when there is most of it. */
	if (!event_publisher_has_room(session->told, importance)) {
		return NULL;
	}
	if ((told = told_event_new(session, kind, agent, texts, text_count, more_bytes, more))) {
		told->importance = importance;
	}
	return told;
}

/* The same, with nothing more, of the agent that has the call. */
static struct told_event *new_event(struct session *session, enum told_kind kind, enum told_importance importance,
	const char *const *texts, size_t text_count)
{
	return new_event_about(session, session_agent(session), kind, importance, texts, text_count, 0, NULL);
}

void session_tell_start(struct session *session)
{
	const char *recording = S_OR(session->recording.base, "");
	struct told_event *told = new_event(session, TOLD_START, TOLD_OF_THE_CALL, &recording, 1);

	if (told) {
		told->start.line = session->line->format;
		told->start.recorded_ms = session->recording.base ? (aic_now_us() - session->recording.since_us) / 1000 : 0;
		event_publisher_give(told);
	}
}

void session_tell_lookup(struct session *session)
{
	const struct aic_settings *settings = &session_agent(session)->settings;
	const char *place = settings->lookup && strcmp(settings->lookup, "ami") ? settings->lookup : "";
	struct told_event *told;

	if (settings->lookup && (told = new_event(session, TOLD_LOOKUP, TOLD_TO_BE_DONE, &place, 1))) {
		told->lookup.timeout_ms = (int) settings->lookup_ms;
		event_publisher_give(told);
	}
}

static void on_ready(struct session *session, const struct aic_event *event)
{
	struct told_event *told;

	session_lock(session);
	ast_copy_string(session->conversation_id, event->ready.conversation_id, sizeof(session->conversation_id));
	session_unlock(session);
	if ((told = new_event(session, TOLD_READY, TOLD_OF_THE_CALL, NULL, 0))) {
		told->ready.uplink = event->ready.uplink;
		told->ready.downlink = event->ready.downlink;
		told->ready.ms = (aic_now_us() - session->begun_us) / 1000;
		event_publisher_give(told);
	}
}

static void on_transcript(struct session *session, const struct aic_event *event)
{
	bool is_final = event->transcript.kind != AIC_TRANSCRIPT_TENTATIVE;
	struct told_event *told = new_event(session, TOLD_TRANSCRIPT, is_final ? TOLD_HAPPENED : TOLD_IN_PASSING,
		&event->transcript.text, 1);

	if (told) {
		told->transcript.role = event->transcript.role;
		told->transcript.kind = event->transcript.kind;
		told->transcript.event_id = event->transcript.event_id;
		told->transcript.turn = event->transcript.turn;
		told->transcript.spoken_ms = event->transcript.spoken_ms;
		event_publisher_give(told);
	}
}

static void on_interruption(struct session *session, const struct aic_event *event)
{
	struct told_event *told;
	void *result;

	if ((told = new_event_about(session, session_agent(session), TOLD_INTERRUPTION, TOLD_HAPPENED, NULL, 0,
		sizeof(*event->interruption.result), &result))) {
		told->interruption.event_id = event->interruption.event_id;
		told->interruption.heard_ms = event->interruption.heard_ms;
		told->interruption.logged = is_debug(session);
		told->interruption.result = memcpy(result, event->interruption.result, sizeof(*event->interruption.result));
		event_publisher_give(told);
	}
}

static void on_vad(struct session *session, const struct aic_event *event)
{
	struct told_event *told;

	if (is_debug(session) && (told = new_event(session, TOLD_VAD, TOLD_IN_PASSING, NULL, 0))) {
		told->vad.score = event->vad.score;
		event_publisher_give(told);
	}
}

static void on_answer(struct session *session, const struct aic_event *event)
{
	struct told_event *told = new_event(session, TOLD_ANSWER, TOLD_HAPPENED, NULL, 0);

	if (told) {
		told->answer.latency_ms = event->answer.latency_ms;
		event_publisher_give(told);
	}
}

static void on_thinking(struct session *session, const struct aic_event *event)
{
	atomic_store(&session->thinking, event->thinking.is_on);
	if (session_agent(session)->settings.thinking_sound) {
		session_want_thread(session);
	}
}

static void on_tool_call(struct session *session, const struct aic_event *event)
{
	enum aic_tool_run run = event->tool_call.run;
	bool by_program = run == AIC_TOOL_AMI && event->tool_call.place;
	const char *texts[] = {event->tool_call.id, event->tool_call.name, event->tool_call.parameters,
		by_program ? event->tool_call.place : "", by_program ? event->tool_call.schema : ""};
	struct told_event *told = new_event(session, TOLD_TOOL_CALL, TOLD_TO_BE_DONE, texts, ARRAY_LEN(texts));

	atomic_fetch_add(&session->open_tools, 1);
	if (!session->options.background && (run == AIC_TOOL_GOSUB || run == AIC_TOOL_SEND_DTMF)) {
		tool_runs_add(session, event);
	}
	if (run == AIC_TOOL_TRANSFER_CALL && event->tool_call.place) {
		transfer_begin(session, event->tool_call.id, event->tool_call.place);
	}
	session_want_thread(session);
	if (told) {
		told->tool_call.run = run;
		told->tool_call.timeout_ms = (int) session_agent(session)->settings.tool_timeout_ms;
		event_publisher_give(told);
	}
}

static void on_tool_done(struct session *session, const struct aic_event *event)
{
	const char *texts[] = {event->tool_done.id, event->tool_done.name, event->tool_done.result};
	struct told_event *told;

	if (event->tool_done.withdrawn) {
		event_publisher_give(new_event(session, TOLD_TOOL_CANCELLED, TOLD_HAPPENED, texts, 2));
	} else if ((told = new_event(session, TOLD_TOOL_DONE, TOLD_HAPPENED, texts, ARRAY_LEN(texts)))) {
		told->tool_done.is_error = event->tool_done.is_error;
		event_publisher_give(told);
	}
	/* Nobody would be told of its result any more: what has not begun does not. */
	tool_runs_forget(session, event->tool_done.id);
	atomic_fetch_sub(&session->open_tools, 1);
	session_want_thread(session);
}

static void on_keys(struct session *session, const struct aic_event *event)
{
	struct told_event *told = new_event(session, TOLD_KEYS, TOLD_HAPPENED, &event->keys.pressed, 1);

	if (event->keys.collected) {
		collected_digits_keep(session, event->keys.pressed);
	}
	if (told) {
		told->keys.secret = event->keys.secret;
		event_publisher_give(told);
	}
}

static void tell_stretch(struct told_event *told, bool is_on, uint64_t lasted_ms)
{
	if (told) {
		told->stretch.is_on = is_on;
		told->stretch.lasted_ms = lasted_ms;
		event_publisher_give(told);
	}
}

static void on_pause(struct session *session, const struct aic_event *event)
{
	struct told_event *told = new_event(session, TOLD_PAUSE, TOLD_HAPPENED, NULL, 0);

	if (told) {
		told->stretch.interrupted = event->pause.interrupted;
	}
	tell_stretch(told, event->pause.is_on, event->pause.lasted_ms);
}

static void on_echo(struct session *session, const struct aic_event *event)
{
	struct told_event *told = new_event(session, TOLD_ECHO, TOLD_HAPPENED, NULL, 0);

	if (told) {
		told->echo.delay_ms = event->echo.delay_ms;
		told->echo.return_db = event->echo.return_db;
		event_publisher_give(told);
	}
}

static void on_hold(struct session *session, const struct aic_event *event)
{
	tell_stretch(new_event(session, TOLD_HOLD, TOLD_HAPPENED, NULL, 0), event->hold.is_on, event->hold.lasted_ms);
}

static void on_listening(struct session *session, const struct aic_event *event)
{
	tell_stretch(new_event(session, TOLD_LISTENING, TOLD_HAPPENED, &event->listening.to, 1), event->listening.is_on,
		event->listening.lasted_ms);
	atomic_store(&session->listening, event->listening.is_on);
	/* It is to connect the two. */
	session_want_thread(session);
}

static void on_state(struct session *session, const struct aic_event *event)
{
	event_publisher_give(new_event(session, TOLD_STATE, TOLD_HAPPENED, &event->state.name, 1));
}

void session_tell_failover(struct session *session, const struct agent *failed, const char *reason)
{
	const char *texts[] = {session_agent(session)->name, reason};

	event_publisher_give(new_event_about(session, failed, TOLD_FAILOVER, TOLD_OF_THE_CALL, texts, ARRAY_LEN(texts), 0,
		NULL));
}

static void on_handed_over(struct session *session)
{
	event_publisher_give(new_event_about(session, session_agent_at(session, session->failed), TOLD_HAND_OVER,
		TOLD_OF_THE_CALL, (const char *const[]) {session_agent(session)->name}, 1, 0, NULL));
}

static void on_trouble(struct session *session, const struct aic_event *event)
{
	const char *texts[] = {event->trouble.text, aic_trouble_name(event->trouble.kind)};

	event_publisher_give(new_event(session, TOLD_TROUBLE, TOLD_HAPPENED, texts, ARRAY_LEN(texts)));
}

static void on_error(struct session *session, const struct aic_event *event)
{
	event_publisher_give(new_event(session, TOLD_ERROR, TOLD_HAPPENED, &event->error.message, 1));
}

/* How the conversation ended, and what it came to until now. NULL when memory is short. */
static struct told_event *new_end(struct session *session, const struct aic_event *event)
{
	struct told_event *told;
	void *end;

	if ((told = new_event_about(session, session_agent(session), TOLD_END, TOLD_OF_THE_CALL, NULL, 0,
		sizeof(*told->end), &end))) {
		told->end = end;
		told->end->outcome = *event->ended;
		told->end->conversation = *event->stats;
		aic_playout_queue_stats(session->playout, &told->end->playout);
		told->end->duration_ms = (aic_now_us() - session->begun_us) / 1000;
		told->end->frames_received = atomic_load(&session->line->frames_received);
		told->end->frames_played = atomic_load(&session->line->frames_played);
	}
	return told;
}

static void on_ended(struct session *session, const struct aic_event *event)
{
	struct told_event *told = new_end(session, event);

	sessions_count_end(event->ended->status);
	session_lock(session);
	session->outcome = *event->ended;
	/* Before anybody knows that it ended, so that whoever then waits for what is told (session_close()) has it. */
	event_publisher_give(told);
	atomic_store(&session->ended, true);
	session_unlock(session);
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
	case AIC_EVENT_ANSWER:
		on_answer(session, event);
		break;
	case AIC_EVENT_THINKING:
		on_thinking(session, event);
		break;
	case AIC_EVENT_TOOL_CALL:
		on_tool_call(session, event);
		break;
	case AIC_EVENT_TOOL_DONE:
		on_tool_done(session, event);
		break;
	case AIC_EVENT_ECHO:
		on_echo(session, event);
		break;
	case AIC_EVENT_RECORDING:
		recording_pause(session, RECORDING_PAUSE_ASKED, event->recording.is_paused);
		break;
	case AIC_EVENT_SECRET:
		recording_pause(session, RECORDING_PAUSE_SECRET, event->secret.is_on);
		break;
	case AIC_EVENT_KEYS:
		on_keys(session, event);
		break;
	case AIC_EVENT_PAUSE:
		on_pause(session, event);
		break;
	case AIC_EVENT_HOLD:
		on_hold(session, event);
		break;
	case AIC_EVENT_LISTENING:
		on_listening(session, event);
		break;
	case AIC_EVENT_STATE:
		on_state(session, event);
		break;
	case AIC_EVENT_HANDED_OVER:
		on_handed_over(session);
		break;
	case AIC_EVENT_FAILOVER:
		session_tell_failover(session, session_agent_at(session, session->failed), event->failover.reason);
		break;
	case AIC_EVENT_TROUBLE:
		on_trouble(session, event);
		break;
	case AIC_EVENT_ERROR:
		on_error(session, event);
		break;
	case AIC_EVENT_ENDED:
		on_ended(session, event);
		break;
	}
}
