/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call_variables.h"
#include "manager_actions.h"
#include "session.h"
#include "session_report.h"
#include "session_requests.h"

/* The session an action names by Channel: (unique id, name or conversation id). NULL after an error was sent. */
static struct session *session_of(struct mansession *s, const struct message *m)
{
	const char *channel = astman_get_header(m, "Channel");
	struct session *session = NULL;

	if (ast_strlen_zero(channel)) {
		astman_send_error(s, m, "Channel is missing: name the channel, its unique id or the conversation id");
		return NULL;
	}
	switch (sessions_find(channel, &session)) {
	case SESSION_FOUND:
		break;
	case SESSION_UNKNOWN:
		astman_send_error(s, m, "No such call is with an agent");
		break;
	case SESSION_AMBIGUOUS:
		astman_send_error(s, m, "Several calls are known by that: name the channel's unique id, or the conversation id where it has several agents");
		break;
	}
	return session;
}

/* Acknowledges what was asked of a conversation, or says why it was not done (NULL: it was). */
static void answer(struct mansession *s, const struct message *m, const char *success, const char *failure)
{
	if (failure) {
		astman_send_error(s, m, (char *) failure);
	} else {
		astman_send_ack(s, m, (char *) success);
	}
}

static void list_session(struct mansession *s, const char *action_id, struct session *session, const struct session_report *report)
{
	const struct aic_conversation_stats *conversation = &report->conversation;
	char name[32];

	astman_append(s, "Event: AIConvAICall\r\n");
	if (!ast_strlen_zero(action_id)) {
		astman_append(s, "ActionID: %s\r\n", action_id);
	}
	astman_append(s, "Channel: %s\r\nUniqueid: %s\r\nAgent: %s\r\nConversationID: %s\r\nState: %s\r\n", report->identity.channel_name, report->identity.id, session_agent(session)->name,
		conversation->conversation_id, aic_phase_name(conversation->phase));
	astman_append(s, "LineFormat: %s\r\n", aic_format_name(session->line_format, name, sizeof(name)));
	astman_append(s, "DurationMs: %" PRIu64 "\r\nFramesReceived: %" PRIu64 "\r\nFramesPlayed: %" PRIu64 "\r\n", report->duration_ms, report->frames_received,
		report->frames_played);
	astman_append(s, "UplinkLevel: %.1f\r\nDownlinkLevel: %.1f\r\nQueueMs: %" PRIu64 "\r\n", conversation->uplink_dbfs, conversation->downlink_dbfs,
		aic_format_ms(session->line_format, report->playout.queued_bytes));
	astman_append(s, "Interruptions: %" PRIu64 "\r\nUnderruns: %" PRIu64 "\r\nGapMs: %" PRIu64 "\r\nPlayoutDelayMs: %u\r\n", conversation->interruptions,
		report->playout.underruns, report->playout.gap_us / 1000, report->playout.delay_ms);
	astman_append(s, "OpenToolCalls: %zu\r\n\r\n", conversation->open_tool_calls);
}

static int action_list(struct mansession *s, const struct message *m)
{
	const char *action_id = astman_get_header(m, "ActionID");
	struct ao2_iterator iterator;
	struct session *session;
	int count = 0;

	astman_send_listack(s, m, "Calls will follow", "start");
	iterator = ao2_iterator_init(sessions_all(), 0);
	for (; (session = ao2_iterator_next(&iterator)); ao2_ref(session, -1)) {
		struct session_report report;

		if (!session_report(session, &report)) {
			list_session(s, action_id, session, &report);
			count++;
		}
	}
	ao2_iterator_destroy(&iterator);
	astman_send_list_complete_start(s, m, "AIConvAIListComplete", count);
	astman_send_list_complete_end(s);
	return 0;
}

static int action_tool_result(struct mansession *s, const struct message *m)
{
	const char *id = astman_get_header(m, "ToolCallID");
	struct session *session;
	int refused;

	if (ast_strlen_zero(id)) {
		astman_send_error(s, m, "ToolCallID is missing: take it from the event AIConvAIToolCall");
		return 0;
	}
	if (!(session = session_of(s, m))) {
		return 0;
	}
	refused = session_answer_tool(session, id, astman_get_header(m, "Result"), ast_true(astman_get_header(m, "IsError")));
	answer(s, m, "The agent was told", refused ? "No such tool call is open: it may have timed out" : NULL);
	ao2_ref(session, -1);
	return 0;
}

/* AIConvAIContext and AIConvAIMessage differ in what is done with their text. */
static int action_text(struct mansession *s, const struct message *m, int (*tell)(struct session *session, const char *text))
{
	const char *text = astman_get_header(m, "Text");
	struct session *session;

	if (ast_strlen_zero(text)) {
		astman_send_error(s, m, "Text is missing");
		return 0;
	}
	if ((session = session_of(s, m))) {
		answer(s, m, "The agent was told", tell(session, text) ? "The conversation is not active" : NULL);
		ao2_ref(session, -1);
	}
	return 0;
}

static int action_context(struct mansession *s, const struct message *m)
{
	return action_text(s, m, session_tell_context);
}

static int action_message(struct mansession *s, const struct message *m)
{
	return action_text(s, m, session_say_for_caller);
}

static int action_state(struct mansession *s, const struct message *m)
{
	const char *state = astman_get_header(m, "State");
	struct ast_variable *headers, *header;
	struct call_variables values = {.count = 0};
	struct session *session;

	if (ast_strlen_zero(state)) {
		astman_send_error(s, m, "State is missing: name a state of the agent's prompts");
		return 0;
	}
	if (!(session = session_of(s, m))) {
		return 0;
	}
	headers = astman_get_variables_order(m, ORDER_NATURAL);
	for (header = headers; header; header = header->next) {
		call_variables_add(&values, header->name, header->value);
	}
	answer(s, m, "The conversation is in that state", session_enter_state(session, state, values.list, values.count));
	ast_variables_destroy(headers);
	call_variables_free(&values);
	ao2_ref(session, -1);
	return 0;
}

static int action_end(struct mansession *s, const struct message *m)
{
	const char *reason = astman_get_header(m, "Reason");
	struct session *session = session_of(s, m);
	struct aic_link *link;

	if (!session) {
		return 0;
	}
	if ((link = session_link(session))) {
		aic_link_end(link, AIC_STATUS_COMPLETED, S_OR(reason, "ended over AMI"));
		aic_link_release(link);
		astman_send_ack(s, m, "The conversation is being ended");
	} else {
		astman_send_error(s, m, "The conversation is over already");
	}
	ao2_ref(session, -1);
	return 0;
}

static const struct {
	const char *name;
	int authority;
	int (*run)(struct mansession *s, const struct message *m);
} actions[] = {
	{"AIConvAIList", EVENT_FLAG_CALL | EVENT_FLAG_REPORTING, action_list},
	{"AIConvAIToolResult", EVENT_FLAG_CALL, action_tool_result},
	{"AIConvAIContext", EVENT_FLAG_CALL, action_context},
	{"AIConvAIMessage", EVENT_FLAG_CALL, action_message},
	{"AIConvAIState", EVENT_FLAG_CALL, action_state},
	{"AIConvAIEnd", EVENT_FLAG_CALL, action_end},
};

int manager_actions_register(void)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (ast_manager_register_xml(actions[i].name, actions[i].authority, actions[i].run)) {
			return -1;
		}
	}
	return 0;
}

void manager_actions_unregister(void)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		ast_manager_unregister(actions[i].name);
	}
}
