/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/format_cache.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/utils.h"

#include "background_end.h"
#include "event_publisher.h"
#include "locks.h"
#include "output.h"
#include "providers.h"
#include "session.h"
#include "session_events.h"
#include "sessions.h"
#include "told_event.h"
#include "tool_runs.h"
#include "waiting_sound.h"

/*
 * Where the channel's own thread reads its channel it looks this often at least whether there is something else to do.
 */
#define LOOK_MS 20

static void session_destroy(void *object)
{
	struct session *session = object;

	tool_runs_clear(session);
	aic_playout_queue_free(session->playout);
	ao2_cleanup(session->line);
	ao2_cleanup(session->told);
	ao2_cleanup(session->agent);
	for (size_t i = 0; i < session->other_count; i++) {
		ao2_ref(session->others[i], -1);
	}
	sessions_count_alive(-1);
	ast_module_unref(AST_MODULE_SELF);
}

struct agent *session_agent(const struct session *session)
{
	return session_agent_at(session, atomic_load(&((struct session *) session)->acting));
}

struct agent *session_agent_at(const struct session *session, unsigned int which)
{
	return which ? session->others[which - 1] : session->agent;
}

static struct aic_agent_choice choice_of(const struct agent *agent)
{
	return (struct aic_agent_choice) {.provider = aic_provider_of(agent->settings.provider),
		.settings = &agent->settings, .tools = &agent->tools,
		.prompts = agent->prompts ? &agent->prompts->settings : NULL};
}

/* The link needs the session no more. */
static void on_link_freed(void *user)
{
	ao2_ref((struct session *) user, -1);
}

/* The engine's question, whose agents are those that were not passed over. The loop's thread. */
static bool may_take(void *user, size_t other, char *reason)
{
	struct session *session = user;

	session->failed = atomic_load(&session->acting);
	return !sessions_take_place(session, (unsigned int) (session->passed_over + other + 1), reason);
}

/* Where the agent has fallen silent while a tool runs there is something to be heard instead. */
static void on_silent(void *user)
{
	struct session *session = user;

	channel_line_note_silence(session->line);
	if (atomic_load(&session->open_tools)) {
		session_want_thread(session);
	}
}

/*
 * The conversation is over and was heard to its end: lets the application return or, in the background, has done what
 * it would have done.
 */
static bool on_finished(void *user)
{
	struct session *session = user;

	if (session->options.background && background_end(session)) {
		return false;
	}
	atomic_store(&session->finished, true);
	session_want_thread(session);
	return true;
}

static uint64_t now_unix_us(void)
{
	struct timeval now = ast_tvnow();

	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_usec;
}

static int open_link(struct session *session, const struct aic_variable *variables, size_t variable_count,
	struct aic_event_loop *loop, struct aic_resolver *resolver)
{
	struct aic_agent_choice others[AGENTS_CHAIN_MAX];
	struct aic_conversation_setup setup = {
		.agent = choice_of(session_agent(session)),
		.others = others,
		.other_count = session->other_count - session->passed_over,
		.line_format = session->line->format,
		.variables = variables,
		.variable_count = variable_count,
		/* In the background the channel's thread has other things to do. */
		.runs_tools = !session->options.background,
		.unix_us = now_unix_us(),
		.playout = session->playout,
		.on_event = session_on_event,
		.may_take = may_take,
		.user = session,
	};
	struct aic_link_host host = {
		.line = &session->line->line,
		.on_silent = on_silent,
		.on_finished = on_finished,
		.on_freed = on_link_freed,
	};
	struct aic_link *link;

	for (size_t i = 0; i < setup.other_count; i++) {
		others[i] = choice_of(session->others[session->passed_over + i]);
	}
	ao2_ref(session, +1);
	if (!(link = aic_link_new(loop, resolver, &setup, &host))) {
		ao2_ref(session, -1);
		return -1;
	}
	/* The session is in the registry, where others find it. */
	session_lock(session);
	session->link = link;
	session_unlock(session);
	return 0;
}

static void note_identity(struct session *session, struct ast_channel *channel)
{
	session_lock(session);
	ast_copy_string(session->identity.id, ast_channel_uniqueid(channel), sizeof(session->identity.id));
	ast_copy_string(session->identity.channel_name, ast_channel_name(channel), sizeof(session->identity.channel_name));
	session_unlock(session);
}

static void on_renamed(void *user, struct ast_channel *channel)
{
	note_identity(user, channel);
}

/* Its link goes, and it is in the registry no more. */
static void leave_registry(struct session *session)
{
	struct aic_link *link;

	session_lock(session);
	link = session->link;
	session->link = NULL;
	session_unlock(session);
	if (link) {
		aic_link_release(link);
	}
	sessions_remove(session);
}

/* The channel went away, and is locked. */
static void on_lost(void *user)
{
	struct session *session = user;
	struct aic_link *link = session_link(session);

	if (link) {
		aic_link_end(link, AIC_STATUS_CALLER_HANGUP, "the caller hung up");
		aic_link_release(link);
	}
	if (session->options.background) {
		/* Nobody else will. In the foreground the application does. */
		channel_line_lose(session->line);
		leave_registry(session);
	}
}

/* The agent is about to be heard in the background: what the caller heard until then is not any more. */
static void make_way(void *user)
{
	struct session *session = user;
	struct ast_channel *channel;

	if (session->options.background && (channel = channel_line_channel(session->line))) {
		waiting_sound_give_way(session, channel);
		ast_channel_unref(channel);
	}
}

static const struct channel_line_owner line_owner = {
	.renamed = on_renamed,
	.lost = on_lost,
	.make_way = make_way,
};

struct session *session_new(struct ast_channel *channel, struct agent *agent, const struct configuration *configuration,
	const struct session_options *options,
	const struct aic_variable *variables, size_t variable_count, struct aic_event_loop *loop,
	struct aic_resolver *resolver, struct aic_outcome *outcome)
{
	struct session *session = ao2_alloc(sizeof(*session), session_destroy);

	outcome->status = AIC_STATUS_UNAVAILABLE;
	snprintf(outcome->reason, sizeof(outcome->reason), "out of memory");
	if (!session) {
		return NULL;
	}
	sessions_count_alive(+1);
	ast_module_ref(AST_MODULE_SELF);
	session->agent = ao2_bump(agent);
	session->other_count = agents_failover(configuration, agent, session->others);
	session->options = *options;
	if (options->waiting_sound) {
		ast_copy_string(session->first_waiting_sound, options->waiting_sound, sizeof(session->first_waiting_sound));
		session->options.waiting_sound = session->first_waiting_sound;
	}
	session->begun_us = aic_now_us();
	channel_lock(channel);
	note_identity(session, channel);
	session->line = channel_line_new(channel, options->background, &line_owner, session);
	channel_unlock(channel);
	session->told = told_call_new(ast_channel_snapshot_get_latest(session->identity.id));
	if (session->line) {
		session->playout = aic_playout_queue_new(session->line->format, agent->settings.playout_limit_seconds * 1000,
			agent->settings.playout_max_delay_ms);
	}
	if (!session->playout || !session->told || sessions_add(session, configuration->general.max_concurrent_calls,
		outcome)) {
		ao2_ref(session, -1);
		return NULL;
	}
	if (session->passed_over) {
		session_tell_failover(session, session->agent, outcome->reason);
		snprintf(outcome->reason, sizeof(outcome->reason), "out of memory");
	}
	if (open_link(session, variables, variable_count, loop, resolver)) {
		sessions_count_end(outcome->status);
		leave_registry(session);
		ao2_ref(session, -1);
		return NULL;
	}
	return session;
}

void session_start_waiting_sound(struct session *session, struct ast_channel *channel)
{
	/* The agent may have spoken, or ended, already. */
	if (session->options.waiting_sound && !atomic_load(&session->line->frames_played)) {
		waiting_sound_start(session, channel, session->options.waiting_sound);
	}
}

int session_begin(struct session *session)
{
	if (channel_line_attach(session->line, session->link)) {
		return -1;
	}
	session_tell_start(session);
	aic_link_start(session->link);
	return 0;
}

struct ast_channel *session_leave(struct session *session)
{
	struct ast_channel *channel = channel_line_channel(session->line);

	if (channel) {
		channel_lock(channel);
		waiting_sound_stop(session, channel);
		channel_unlock(channel);
		ast_channel_unref(channel);
	}
	channel = channel_line_leave(session->line);
	leave_registry(session);
	return channel;
}

static void nothing(struct aic_conversation *conversation, void *arg)
{
}

void session_close(struct session *session, enum aic_status status, const char *reason)
{
	struct aic_link *link = session_link(session);
	struct ast_channel *channel;

	if (link) {
		/* Work is done in order: when ours is, the end was handed to the publisher. */
		aic_link_end(link, status, reason);
		aic_link_query(link, nothing, NULL);
		aic_link_release(link);
	}
	event_publisher_wait(session->told);
	if ((channel = session_leave(session))) {
		ast_channel_unref(channel);
	}
}

void session_set_variables(struct ast_channel *channel, const struct aic_outcome *outcome, const char *conversation_id)
{
	pbx_builtin_setvar_helper(channel, "AICONVAI_STATUS", aic_status_name(outcome->status));
	pbx_builtin_setvar_helper(channel, "AICONVAI_REASON", outcome->reason);
	pbx_builtin_setvar_helper(channel, "AICONVAI_CONVERSATION_ID", conversation_id);
	pbx_builtin_setvar_helper(channel, "AICONVAI_TRANSFER", outcome->transfer);
}

/* --- the channel's thread --- */

void session_want_thread(struct session *session)
{
	channel_line_want_thread(session->line);
}

/*
 * Until the agent is first heard, and while a tool runs and the agent says nothing, the caller hears what is
 * configured.
 */
static void attend_to_waiting_sound(struct session *session, struct ast_channel *channel)
{
	const char *sound = session_agent(session)->settings.tool_wait_sound;
	bool waits = atomic_load(&session->open_tools) && !atomic_load(&session->ended);
	bool is_heard = atomic_load(&session->line->playing);

	if (session->waiting_sound && (is_heard || session->sound_began_at != atomic_load(&session->line->frames_played)
		|| (session->waiting_sound == sound && !waits))) {
		channel_lock(channel);
		waiting_sound_stop(session, channel);
		channel_unlock(channel);
	}
	if (sound && waits && !session->waiting_sound && !is_heard) {
		waiting_sound_start(session, channel, sound);
	}
	if (is_heard && !session->waiting_sound && ast_channel_generatordata(channel)) {
		/* Somebody else's, such as StartMusicOnHold()'s: it ends where ours would. */
		ast_deactivate_generator(channel);
	}
}

/* Runs the tools that the agent has called. Returns whether there were any. */
static bool run_tools(struct session *session, struct ast_channel *channel)
{
	bool ran = false;

	while (!atomic_load(&session->finished) && !ast_check_hangup(channel)) {
		/* Whatever a tool runs reads the channel by itself. */
		channel_line_capture(session->line, CAPTURE_BY_HOOK);
		if (!tool_runs_next(session, channel)) {
			break;
		}
		ran = true;
		attend_to_waiting_sound(session, channel);
	}
	channel_line_capture(session->line, CAPTURE_BY_READER);
	return ran;
}

/* Reads one frame, if there is one soon. Returns -1 when the caller is gone. */
static int read_channel(struct session *session, struct ast_channel *channel)
{
	/* Where Asterisk has no timer a sound file is played by the channel's schedule. */
	bool scheduled = ast_channel_streamid(channel) >= 0;
	int scheduled_ms = scheduled ? ast_sched_wait(ast_channel_sched(channel)) : -1;
	struct ast_frame *frame;
	int left_ms;

	/* The loop may have read that it is over. */
	if (ast_check_hangup(channel)) {
		return -1;
	}
	left_ms = ast_waitfor(channel, scheduled_ms >= 0 && scheduled_ms < LOOK_MS ? scheduled_ms : LOOK_MS);
	if (left_ms < 0) {
		return -1;
	}
	if (left_ms > 0) {
		if (!(frame = ast_read(channel))) {
			return -1;
		}
		channel_line_take_frame(session->line, frame);
		ast_frfree(frame);
	}
	if (scheduled) {
		ast_sched_runq(ast_channel_sched(channel));
	}
	return 0;
}

int session_serve_channel(struct session *session, struct ast_channel *channel)
{
	while (!atomic_load(&session->finished)) {
		if (channel_line_was_wanted(session->line) && run_tools(session, channel) && ast_check_hangup(channel)) {
			/* It ended in there. */
			return -1;
		}
		attend_to_waiting_sound(session, channel);
		if (!channel_line_lend(session->line, channel) && read_channel(session, channel)) {
			return -1;
		}
	}
	return 0;
}

/* --- for any thread --- */

struct aic_link *session_link(struct session *session)
{
	struct aic_link *link;

	session_lock(session);
	if ((link = session->link)) {
		aic_link_hold(link);
	}
	session_unlock(session);
	return link;
}

struct session_identity session_identity(struct session *session)
{
	struct session_identity identity;

	session_lock(session);
	identity = session->identity;
	session_unlock(session);
	return identity;
}

int session_outcome(struct session *session, struct aic_outcome *outcome)
{
	int ended;

	session_lock(session);
	if ((ended = atomic_load(&session->ended))) {
		*outcome = session->outcome;
	}
	session_unlock(session);
	return ended;
}
