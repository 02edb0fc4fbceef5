/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/module.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/strings.h"

#include "ambience_sound.h"
#include "background_end.h"
#include "locks.h"
#include "session.h"
#include "session_ending.h"
#include "session_events.h"
#include "session_opening.h"
#include "sessions.h"
#include "told_event.h"
#include "tool_runs.h"
#include "waiting_sound.h"

static void session_destroy(void *object)
{
	struct session *session = object;

	tool_runs_clear(session);
	recording_free(&session->recording);
	aic_playout_queue_free(session->playout);
	ao2_cleanup(session->line);
	ao2_cleanup(session->told);
	ao2_cleanup(session->ambience);
	ao2_cleanup(session->agent);
	ao2_cleanup(session->configuration);
	for (size_t i = 0; i < session->handed_count; i++) {
		ao2_ref(session->handed[i], -1);
	}
	for (size_t i = 0; i < session->other_count; i++) {
		ao2_ref(session->others[i], -1);
	}
	sessions_count_alive(-1);
	ast_module_unref(AST_MODULE_SELF);
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

/* The place of that agent among those that the call was handed over to. Returns -1 where there are too many. */
static int note_handed(struct session *session, struct agent *agent)
{
	size_t place = 0;

	while (place < session->handed_count && session->handed[place] != agent) {
		place++;
	}
	if (place == HAND_OVERS_MAX) {
		return -1;
	}
	if (place == session->handed_count) {
		session->handed[session->handed_count++] = ao2_bump(agent);
	}
	return (int) place;
}

/* The agent wants to hand the call over. The loop's thread. */
static bool choose_agent(void *user, const char *name, struct aic_agent_choice *choice, char *reason)
{
	struct session *session = user;
	struct agent *agent = agents_find(session->configuration, name);
	unsigned int before = atomic_load(&session->acting);
	int place = agent && agent != session_agent(session) ? note_handed(session, agent) : -1;
	bool taken = false;

	if (!agent) {
		snprintf(reason, AIC_REASON_MAX, "There is no agent %.80s at the moment.", name);
	} else if (agent == session_agent(session)) {
		snprintf(reason, AIC_REASON_MAX, "You are that agent.");
	} else if (place < 0) {
		snprintf(reason, AIC_REASON_MAX, "The call was handed over to too many agents already.");
	} else if (!sessions_take_place(session, (unsigned int) (session->other_count + 1) + (unsigned int) place,
		reason)) {
		session->failed = before;
		*choice = agent_choice(agent);
		taken = true;
	}
	ao2_cleanup(agent);
	return taken;
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

static int open_link(struct session *session, const struct aic_variable *variables, size_t variable_count,
	struct aic_event_loop *loop, struct aic_resolver *resolver)
{
	struct aic_agent_choice others[AGENTS_CHAIN_MAX];
	struct aic_conversation_setup setup = {
		.agent = agent_choice(session_agent(session)),
		.others = others,
		.other_count = session->other_count - session->passed_over,
		.line_format = session->line->format,
		.variables = variables,
		.variable_count = variable_count,
		.said = session->options.said,
		/* In the background the channel's thread has other things to do. */
		.runs_tools = !session->options.background,
		.unix_us = aic_unix_us(),
		.playout = session->playout,
		.on_event = session_on_event,
		.may_take = may_take,
		.choose_agent = choose_agent,
		.user = session,
	};
	struct aic_link_host host = {
		.line = &session->line->line,
		.ambience = session->ambience ? &session->ambience->loop : NULL,
		.on_silent = on_silent,
		.on_finished = on_finished,
		.on_freed = on_link_freed,
	};
	struct aic_link *link;

	for (size_t i = 0; i < setup.other_count; i++) {
		others[i] = agent_choice(session->others[session->passed_over + i]);
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

/* The caller hung up, and the dialplan's extension h comes next: it finds how it ended. */
static void on_hung_up(void *user, struct ast_channel *channel)
{
	struct session *session = user;
	struct aic_outcome outcome = {.status = AIC_STATUS_CALLER_HANGUP, .reason = "the caller hung up"};
	struct aic_link *link;
	char conversation_id[sizeof(session->conversation_id)];

	if (atomic_exchange(&session->hung_up, true)) {
		return;
	}
	session_outcome(session, &outcome);
	session_lock(session);
	ast_copy_string(conversation_id, session->conversation_id, sizeof(conversation_id));
	session_unlock(session);
	session_set_cdr_variables(session, channel, &outcome);
	session_set_variables(channel, &outcome, conversation_id);
	if ((link = session_link(session))) {
		aic_link_end(link, outcome.status, outcome.reason);
		aic_link_release(link);
	}
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
		session_leave_registry(session);
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
	.hung_up = on_hung_up,
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
	session->configuration = ao2_bump((struct configuration *) configuration);
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
		session->ambience = agent->settings.ambience ? ambience_sound_get(configuration->sounds,
			agent->settings.ambience, session->line->format.rate, agent->name) : NULL;
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
		session_leave_registry(session);
		ao2_ref(session, -1);
		return NULL;
	}
	session->options.said = NULL;
	return session;
}

int session_begin(struct session *session)
{
	if (channel_line_attach(session->line, session->link)) {
		return -1;
	}
	session_tell_start(session);
	session_tell_lookup(session);
	aic_link_start(session->link);
	return 0;
}
