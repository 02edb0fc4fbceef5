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
#include "frame_writer.h"
#include "framehook.h"
#include "locks.h"
#include "media_clock.h"
#include "output.h"
#include "providers.h"
#include "session.h"
#include "session_events.h"
#include "sessions.h"
#include "told_event.h"
#include "tool_runs.h"
#include "waiting_sound.h"

const char session_frame_source[] = "aiconvai";

static void session_destroy(void *object)
{
	struct session *session = object;

	tool_runs_clear(session);
	aic_playout_queue_free(session->playout);
	ast_mutex_destroy(&session->playout_lock);
	ast_mutex_destroy(&session->playing_lock);
	ast_free(session->frame);
	ao2_cleanup(session->line_ast_format);
	ao2_cleanup(session->write_format_before);
	ao2_cleanup(session->told);
	ao2_cleanup(session->agent);
	for (size_t i = 0; i < session->other_count; i++) {
		ao2_ref(session->others[i], -1);
	}
	sessions_count_alive(-1);
	ast_module_unref(AST_MODULE_SELF);
}

static void lock_playout(void *arg)
{
	locks_note(LOCK_PLAYOUT, "the lock of a playout queue");
	ast_mutex_lock(&((struct session *) arg)->playout_lock);
}

static void unlock_playout(void *arg)
{
	ast_mutex_unlock(&((struct session *) arg)->playout_lock);
	locks_forget(LOCK_PLAYOUT);
}

/*
 * What audio is exchanged in with the channel: its own format where the engine knows it, so that nothing is translated;
 * else linear at that format's rate, and Asterisk translates.
 */
static void choose_line_format(struct session *session, struct ast_channel *channel)
{
	struct ast_format *native = ast_channel_rawreadformat(channel);
	unsigned int rate;

	if (ast_format_cmp(native, ast_format_ulaw) == AST_FORMAT_CMP_EQUAL) {
		session->line_ast_format = ao2_bump(ast_format_ulaw);
		session->line_format = (struct aic_audio_format) {AIC_ENCODING_ULAW, 8000};
		return;
	}
	if (ast_format_cmp(native, ast_format_alaw) == AST_FORMAT_CMP_EQUAL) {
		session->line_ast_format = ao2_bump(ast_format_alaw);
		session->line_format = (struct aic_audio_format) {AIC_ENCODING_ALAW, 8000};
		return;
	}
	rate = ast_format_get_sample_rate(native);
	session->line_ast_format = ao2_bump(ast_format_cache_get_slin_by_rate(rate > 48000 ? 48000 : rate));
	session->line_format = (struct aic_audio_format) {AIC_ENCODING_PCM16,
		ast_format_get_sample_rate(session->line_ast_format)};
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

/* The engine's question, whose agents are those that were not passed over. The network thread. */
static bool may_take(void *user, size_t other, char *reason)
{
	struct session *session = user;

	session->failed = atomic_load(&session->acting);
	return !sessions_take_place(session, (unsigned int) (session->passed_over + other + 1), reason);
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
		.line_format = session->line_format,
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
	struct aic_link *link;

	for (size_t i = 0; i < setup.other_count; i++) {
		others[i] = choice_of(session->others[session->passed_over + i]);
	}
	ao2_ref(session, +1);
	if (!(link = aic_link_new(loop, resolver, &setup, on_link_freed))) {
		ao2_ref(session, -1);
		return -1;
	}
	/* The session is in the registry, where others find it. */
	session_lock(session);
	session->link = link;
	session_unlock(session);
	return 0;
}

/*
 * Takes the session off its channel and out of the registry: nothing is read from it or written to it any more. Its
 * playing and, but for NULL (it is gone already), the channel are locked.
 */
static void leave_channel(struct session *session, struct ast_channel *channel)
{
	struct ast_channel *held_channel;
	struct aic_link *link;

	if (channel) {
		framehook_detach(channel, session);
		waiting_sound_stop(session, channel);
		if (session->write_format_before) {
			ast_set_write_format(channel, session->write_format_before);
		}
	}
	session_lock(session);
	held_channel = session->channel;
	link = session->link;
	session->channel = NULL;
	session->link = NULL;
	session_unlock(session);
	if (link) {
		aic_link_release(link);
	}
	sessions_remove(session);
	if (held_channel) {
		ast_channel_unref(held_channel);
	}
}

struct session *session_new(struct ast_channel *channel, struct agent *agent, const struct configuration *configuration,
	const struct session_options *options,
	const struct aic_variable *variables, size_t variable_count, struct aic_event_loop *loop,
	struct aic_resolver *resolver, struct aic_outcome *outcome)
{
	struct session *session = ao2_alloc(sizeof(*session), session_destroy);
	struct aic_playout_lock playout_lock = {lock_playout, unlock_playout, session};

	outcome->status = AIC_STATUS_UNAVAILABLE;
	snprintf(outcome->reason, sizeof(outcome->reason), "out of memory");
	if (!session) {
		return NULL;
	}
	sessions_count_alive(+1);
	ast_module_ref(AST_MODULE_SELF);
	ast_mutex_init(&session->playout_lock);
	ast_mutex_init(&session->playing_lock);
	session->agent = ao2_bump(agent);
	session->other_count = agents_failover(configuration, agent, session->others);
	session->options = *options;
	if (options->waiting_sound) {
		ast_copy_string(session->first_waiting_sound, options->waiting_sound, sizeof(session->first_waiting_sound));
		session->options.waiting_sound = session->first_waiting_sound;
	}
	session->framehook_id = -1;
	session->begun_us = aic_now_us();
	channel_lock(channel);
	session_note_identity(session, channel);
	choose_line_format(session, channel);
	session->channel = ast_channel_ref(channel);
	channel_unlock(channel);
	session->told = told_call_new(ast_channel_snapshot_get_latest(session->identity.id));
	session->playout = aic_playout_queue_new(session->line_format, agent->settings.playout_limit_seconds * 1000,
		agent->settings.playout_max_delay_ms, &playout_lock);
	if (session->playout && session->told) {
		session->frame = ast_malloc(AST_FRIENDLY_OFFSET + aic_playout_queue_frame_bytes(session->playout));
	}
	if (!session->frame || sessions_add(session, configuration->general.max_concurrent_calls, outcome)) {
		session->channel = ast_channel_unref(session->channel);
		ao2_ref(session, -1);
		return NULL;
	}
	if (session->passed_over) {
		session_tell_failover(session, session->agent, outcome->reason);
		snprintf(outcome->reason, sizeof(outcome->reason), "out of memory");
	}
	if (open_link(session, variables, variable_count, loop, resolver)) {
		sessions_count_end(outcome->status);
		leave_channel(session, NULL);
		ao2_ref(session, -1);
		return NULL;
	}
	return session;
}

void session_start_waiting_sound(struct session *session, struct ast_channel *channel)
{
	/* The agent may have spoken, or ended, already. */
	if (session->options.waiting_sound && !atomic_load(&session->frames_played)) {
		waiting_sound_start(session, channel, session->options.waiting_sound);
	}
}

int session_begin(struct session *session)
{
	struct ast_channel *channel = session->channel;
	int result;

	channel_lock(channel);
	session->write_format_before = ao2_bump(ast_channel_writeformat(channel));
	if (ast_set_write_format(channel, session->line_ast_format)) {
		log_line(LOG_WARNING, "%s: agent audio in %s cannot be translated for this channel; the caller hears nothing",
			ast_channel_name(channel), ast_format_get_name(session->line_ast_format));
	}
	result = framehook_attach(channel, session);
	channel_unlock(channel);
	if (result) {
		return -1;
	}
	session_tell_start(session);
	aic_link_start(session->link);
	return 0;
}

struct ast_channel *session_leave(struct session *session)
{
	struct ast_channel *channel;

	/* Who is writing a frame comes to an end first. */
	playing_lock(session);
	while ((channel = session_channel(session))) {
		bool still_there;

		channel_lock(channel);
		/* A masquerade may have moved the session before we had the lock. */
		if ((still_there = session->channel == channel)) {
			leave_channel(session, channel);
		}
		channel_unlock(channel);
		if (still_there) {
			break;
		}
		ast_channel_unref(channel);
	}
	if (!channel) {
		leave_channel(session, NULL);
	}
	playing_unlock(session);
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

void session_lost_channel(struct session *session)
{
	struct aic_link *link = session_link(session);

	session->capturing = 0;
	if (link) {
		aic_link_end(link, AIC_STATUS_CALLER_HANGUP, "the caller hung up");
		aic_link_release(link);
	}
	if (session->options.background) {
		/* Nobody else will. In the foreground the application does. */
		leave_channel(session, NULL);
	}
}

void session_set_variables(struct ast_channel *channel, const struct aic_outcome *outcome, const char *conversation_id)
{
	pbx_builtin_setvar_helper(channel, "AICONVAI_STATUS", aic_status_name(outcome->status));
	pbx_builtin_setvar_helper(channel, "AICONVAI_REASON", outcome->reason);
	pbx_builtin_setvar_helper(channel, "AICONVAI_CONVERSATION_ID", conversation_id);
	pbx_builtin_setvar_helper(channel, "AICONVAI_TRANSFER", outcome->transfer);
}

bool session_finish(struct session *session, struct ast_channel *channel)
{
	if (atomic_exchange(&session->finished, true)) {
		return true;
	}
	if (!session->options.background) {
		/* The application waits in ast_waitfor(). */
		ast_queue_frame(channel, &ast_null_frame);
	} else if (background_end(session)) {
		atomic_store(&session->finished, false);
		return false;
	}
	return true;
}

/* --- the channel's thread --- */

void session_want_thread(struct session *session)
{
	if (!session->options.background) {
		atomic_store(&session->thread_call, THREAD_TO_BE_CALLED);
	}
}

void session_call_thread(struct session *session)
{
	if (!session->options.background) {
		session_want_thread(session);
		media_clock_attend(session);
	}
}

void session_call_thread_now(struct session *session, struct ast_channel *channel)
{
	/* It waits for a frame. One is enough. */
	if (!session->options.background && atomic_exchange(&session->thread_call, THREAD_CALLED) != THREAD_CALLED) {
		ast_queue_frame(channel, &ast_null_frame);
	}
}

/* While a tool runs and the agent says nothing the caller hears what is configured. */
static void attend_to_waiting_sound(struct session *session, struct ast_channel *channel)
{
	const char *sound = session_agent(session)->settings.tool_wait_sound;
	bool waits = atomic_load(&session->open_tools) && !atomic_load(&session->ended);
	bool starts;

	channel_lock(channel);
	if (session->channel == channel && (session->waiting_sound_is_void || (session->waiting_sound == sound
		&& !waits))) {
		waiting_sound_stop(session, channel);
	}
	starts = session->channel == channel && sound && waits && !session->waiting_sound
		&& !atomic_load(&session->playing);
	channel_unlock(channel);
	if (starts) {
		waiting_sound_start(session, channel, sound);
	}
}

bool session_attend(struct session *session, struct ast_channel *channel)
{
	bool tool_ran = false;

	/* Most frames are the caller's audio, and mean no more. */
	while (atomic_load(&session->thread_call) != THREAD_NOT_CALLED) {
		atomic_store(&session->thread_call, THREAD_NOT_CALLED);
		attend_to_waiting_sound(session, channel);
		while (!atomic_load(&session->finished) && !ast_check_hangup(channel) && tool_runs_next(session, channel)) {
			tool_ran = true;
			attend_to_waiting_sound(session, channel);
		}
	}
	return tool_ran;
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

void session_note_identity(struct session *session, struct ast_channel *channel)
{
	session_lock(session);
	ast_copy_string(session->identity.id, ast_channel_uniqueid(channel), sizeof(session->identity.id));
	ast_copy_string(session->identity.channel_name, ast_channel_name(channel), sizeof(session->identity.channel_name));
	session_unlock(session);
	atomic_store(&session->patient, frame_writer_is_patient(channel));
}

struct ast_channel *session_channel(struct session *session)
{
	struct ast_channel *channel;

	session_lock(session);
	channel = session->channel ? ast_channel_ref(session->channel) : NULL;
	session_unlock(session);
	return channel;
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
