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
#include "output.h"
#include "session.h"
#include "session_report.h"
#include "session_requests.h"
#include "sessions.h"

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
		astman_send_error(s, m, "Several calls are known by that: name the channel's unique id, or the conversation id "
			"where it has several agents");
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

static void list_session(struct mansession *s, const char *action_id, struct session *session,
	const struct session_report *report)
{
	const struct aic_conversation_stats *conversation = &report->conversation;
	char name[32];

	manager_line(s, "Event: AIConvAICall");
	if (!ast_strlen_zero(action_id)) {
		manager_line(s, "ActionID: %s", action_id);
	}
	manager_line(s, "Channel: %s", report->identity.channel_name);
	manager_line(s, "Uniqueid: %s", report->identity.id);
	manager_line(s, "Agent: %s", session_agent(session)->name);
	manager_line(s, "ConversationID: %s", conversation->conversation_id);
	manager_line(s, "State: %s", aic_phase_name(conversation->phase));
	manager_line(s, "LineFormat: %s", aic_format_name(session->line->format, name, sizeof(name)));
	manager_line(s, "DurationMs: %" PRIu64, report->duration_ms);
	manager_line(s, "FramesReceived: %" PRIu64, report->frames_received);
	manager_line(s, "FramesPlayed: %" PRIu64, report->frames_played);
	manager_line(s, "UplinkLevel: %.1f", conversation->uplink_dbfs);
	manager_line(s, "DownlinkLevel: %.1f", conversation->downlink_dbfs);
	manager_line(s, "QueueMs: %" PRIu64, aic_format_ms(session->line->format, report->playout.queued_bytes));
	manager_line(s, "Interruptions: %" PRIu64, conversation->interruptions);
	manager_line(s, "Underruns: %" PRIu64, report->playout.underruns);
	manager_line(s, "GapMs: %" PRIu64, report->playout.gap_us / 1000);
	manager_line(s, "PlayoutDelayMs: %u", report->playout.delay_ms);
	manager_line(s, "OpenToolCalls: %zu", conversation->open_tool_calls);
	manager_line(s, "%s", "");
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

/*
 * A text that may be longer than a line of AMI, which has 1024 bytes at the most: all headers of that name are its
 * lines. NULL where there is none, or memory is short; then that was said.
 */
static struct ast_str *text_of(struct mansession *s, const struct message *m, const char *name)
{
	struct ast_str *text = ast_str_create(1024);
	size_t length = strlen(name);
	char problem[64];
	bool found = false;

	for (unsigned int i = 0; text && i < m->hdrcount; i++) {
		if (!strncasecmp(m->headers[i], name, length) && m->headers[i][length] == ':') {
			ast_str_append(&text, 0, "%s%s", found ? "\n" : "", ast_skip_blanks(m->headers[i] + length + 1));
			found = true;
		}
	}
	if (text && ast_str_strlen(text)) {
		return text;
	}
	snprintf(problem, sizeof(problem), text ? "%s is missing" : "Out of memory for %s", name);
	astman_send_error(s, m, problem);
	ast_free(text);
	return NULL;
}

static int action_tool_result(struct mansession *s, const struct message *m)
{
	const char *id = astman_get_header(m, "ToolCallID");
	struct session *session;
	const char *answers = astman_get_header(m, "Answer");
	struct ast_str *result;
	int refused;

	if (ast_strlen_zero(id)) {
		astman_send_error(s, m, "ToolCallID is missing: take it from the event AIConvAIToolCall");
		return 0;
	}
	if (!(session = session_of(s, m))) {
		return 0;
	}
	if ((result = text_of(s, m, "Result"))) {
		if (ast_false(answers)) {
			refused = session_answer_tool_silently(session, id, ast_str_buffer(result));
		} else {
			refused = session_answer_tool(session, id, ast_str_buffer(result), ast_true(astman_get_header(m,
				"IsError")));
		}
		answer(s, m, "The agent was told", refused ? "No such tool call is open: it may have timed out" : NULL);
		ast_free(result);
	}
	ao2_ref(session, -1);
	return 0;
}

/* AIConvAIContext and AIConvAIMessage differ in what is done with their text. */
static int action_text(struct mansession *s, const struct message *m, int (*tell)(struct session *session,
	const char *text))
{
	struct ast_str *text = text_of(s, m, "Text");
	struct session *session;

	if (!text) {
		return 0;
	}
	if ((session = session_of(s, m))) {
		answer(s, m, "The agent was told", tell(session, ast_str_buffer(text)) ? "The conversation is not active"
			: NULL);
		ao2_ref(session, -1);
	}
	ast_free(text);
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

static int action_interruptible(struct mansession *s, const struct message *m)
{
	const char *allowed = astman_get_header(m, "Interruptible");
	struct session *session;

	if (!ast_true(allowed) && !ast_false(allowed)) {
		astman_send_error(s, m, "Interruptible is missing: say yes or no");
		return 0;
	}
	if ((session = session_of(s, m))) {
		answer(s, m, ast_true(allowed) ? "The agent can be interrupted" : "The agent cannot be interrupted",
			session_allow_interruptions(session, ast_true(allowed)) ? "The conversation is over" : NULL);
		ao2_ref(session, -1);
	}
	return 0;
}

static int action_end(struct mansession *s, const struct message *m)
{
	const char *reason = astman_get_header(m, "Reason");
	struct session *session = session_of(s, m);

	if (!session) {
		return 0;
	}
	answer(s, m, "The conversation is being ended", session_end(session, S_OR(reason, "ended over AMI"))
		? "The conversation is over already" : NULL);
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
	{"AIConvAIInterruptible", EVENT_FLAG_CALL, action_interruptible},
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
