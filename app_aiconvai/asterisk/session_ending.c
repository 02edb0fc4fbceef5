/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/cdr.h"
#include "asterisk/channel.h"
#include "asterisk/pbx.h"

#include "call_record.h"
#include "dialplan_text.h"
#include "event_publisher.h"
#include "locks.h"
#include "session.h"
#include "session_ending.h"
#include "sessions.h"
#include "waiting_sound.h"

void session_leave_registry(struct session *session)
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

struct ast_channel *session_leave(struct session *session)
{
	struct ast_channel *channel = channel_line_channel(session->line);
	struct call_record *record = channel ? call_record_take(session) : NULL;

	if (channel) {
		channel_lock(channel);
		waiting_sound_stop(session, channel);
		channel_unlock(channel);
		ast_channel_unref(channel);
	}
	channel = channel_line_leave(session->line);
	session_leave_registry(session);
	if (channel) {
		recording_end(session, channel);
		call_record_keep(channel, record);
	} else {
		call_record_free(record);
	}
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

void session_set_cdr_variables(struct session *session, struct ast_channel *channel, const struct aic_outcome *outcome)
{
	const struct agent *agent = session_agent(session);
	char seconds[32], conversation_id[sizeof(session->conversation_id)];
	const char *name = ast_channel_name(channel);

	if (!agent->settings.cdr_variables && !agent->settings.cdr_userfield) {
		return;
	}
	session_lock(session);
	ast_copy_string(conversation_id, session->conversation_id, sizeof(conversation_id));
	session_unlock(session);
	/* One that never began does not take away what somebody else has put there. */
	if (agent->settings.cdr_userfield && conversation_id[0]) {
		ast_cdr_setuserfield(name, conversation_id);
	}
	if (!agent->settings.cdr_variables) {
		return;
	}
	snprintf(seconds, sizeof(seconds), "%.1f", (double) (aic_now_us() - session->begun_us) / 1e6);
	ast_cdr_setvar(name, "aiconvai_agent", agent->name);
	ast_cdr_setvar(name, "aiconvai_status", aic_status_name(outcome->status));
	ast_cdr_setvar(name, "aiconvai_conversation_id", conversation_id);
	ast_cdr_setvar(name, "aiconvai_seconds", seconds);
}

/* What a service may have worded. */
static void set_text(struct ast_channel *channel, const char *name, const char *value)
{
	char text[AIC_REASON_MAX];

	ast_copy_string(text, value, sizeof(text));
	aic_dialplan_text(text);
	pbx_builtin_setvar_helper(channel, name, text);
}

void session_set_variables(struct ast_channel *channel, const struct aic_outcome *outcome, const char *conversation_id)
{
	set_text(channel, "AICONVAI_REASON", outcome->reason);
	set_text(channel, "AICONVAI_CONVERSATION_ID", conversation_id);
	pbx_builtin_setvar_helper(channel, "AICONVAI_TRANSFER", outcome->transfer);
	/* A dialplan that goes on beside the agent (option b) waits for this one: the others are there then. */
	pbx_builtin_setvar_helper(channel, "AICONVAI_STATUS", aic_status_name(outcome->status));
}
