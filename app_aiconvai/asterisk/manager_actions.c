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

#include "agent_trial.h"
#include "agents.h"
#include "call_journal.h"
#include "call_variables.h"
#include "closed_agents.h"
#include "manager_actions.h"
#include "output.h"
#include "recording.h"
#include "session.h"
#include "session_report.h"
#include "session_requests.h"
#include "sessions.h"
#include "told_event.h"

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
	manager_line(s, "Record: %s", session->told->record);
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

/* What managers were told of the call until now. */
static void tell_again(struct mansession *s, struct session *session)
{
	struct ast_str *events = ast_str_create(4096);
	size_t next = 0;
	bool may_be_more = events != NULL;

	while (may_be_more) {
		ast_str_reset(events);
		may_be_more = call_journal_told(session->told, &next, &events);
		manager_events(s, ast_str_buffer(events));
	}
	ast_free(events);
}

/* Lists all calls, and tells of each what there is to tell (NULL: nothing). */
static int list_all(struct mansession *s, const struct message *m, const char *complete,
	void (*tell)(struct mansession *s, struct session *session))
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
			if (tell) {
				tell(s, session);
			}
			count++;
		}
	}
	ao2_iterator_destroy(&iterator);
	astman_send_list_complete_start(s, m, complete, count);
	astman_send_list_complete_end(s);
	return 0;
}

static int action_list(struct mansession *s, const struct message *m)
{
	return list_all(s, m, "AIConvAIListComplete", NULL);
}

static int action_replay(struct mansession *s, const struct message *m)
{
	return list_all(s, m, "AIConvAIReplayComplete", tell_again);
}

/*
 * Of a text that may be longer than a line of AMI, which has 1024 bytes at the most: what this header says of it, NULL
 * where it is another. Headers of that name are its lines; `NAME+` goes on with the line before, with each blank but
 * the first.
 */
static const char *part_of_text(const char *header, const char *name, bool *goes_on)
{
	size_t length = strlen(name);

	if (strncasecmp(header, name, length)) {
		return NULL;
	}
	header += length;
	*goes_on = *header == '+';
	header += *goes_on;
	if (*header != ':') {
		return NULL;
	}
	header++;
	return *goes_on ? header + (*header == ' ') : ast_skip_blanks(header);
}

/* Such a text. NULL where there is none, or memory is short; then that was said. */
static struct ast_str *text_of(struct mansession *s, const struct message *m, const char *name)
{
	struct ast_str *text = ast_str_create(1024);
	char problem[64];
	bool found = false, goes_on;

	for (unsigned int i = 0; text && i < m->hdrcount; i++) {
		const char *part = part_of_text(m->headers[i], name, &goes_on);

		if (part) {
			ast_str_append(&text, 0, "%s%s", found && !goes_on ? "\n" : "", part);
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

/* Whether an action says yes or no by that header; false after an error was sent. */
static bool read_yes_or_no(struct mansession *s, const struct message *m, const char *name, bool *is_yes)
{
	const char *given = astman_get_header(m, (char *) name);
	char problem[64];

	*is_yes = ast_true(given);
	if (*is_yes || ast_false(given)) {
		return true;
	}
	snprintf(problem, sizeof(problem), "%s is missing: say yes or no", name);
	astman_send_error(s, m, problem);
	return false;
}

static int action_interruptible(struct mansession *s, const struct message *m)
{
	struct session *session;
	bool allowed;

	if (read_yes_or_no(s, m, "Interruptible", &allowed) && (session = session_of(s, m))) {
		answer(s, m, allowed ? "The agent can be interrupted" : "The agent cannot be interrupted",
			session_allow_interruptions(session, allowed) ? "The conversation is over" : NULL);
		ao2_ref(session, -1);
	}
	return 0;
}

/* Most variables that a lookup finds. */
#define FOUND_MAX 64

/* Something more of a value. Returns -1 when memory is short. */
static int value_goes_on(struct aic_variable *variable, const char *line_break, const char *part)
{
	char *longer;

	if (ast_asprintf(&longer, "%s%s%s", variable->value, line_break, part) < 0) {
		return -1;
	}
	ast_free((char *) variable->value);
	variable->value = longer;
	return 0;
}

/*
 * Reads the headers `Variable: NAME=VALUE`; those of one name after each other are the lines of its value. Returns
 * NULL, or what is wrong. The names and values are to be freed.
 */
static const char *read_variables(const struct message *m, struct aic_variable variables[FOUND_MAX], size_t *count)
{
	static const char out_of_memory[] = "Out of memory for Variable";

	for (unsigned int i = 0; i < m->hdrcount; i++) {
		struct aic_variable *last = *count ? &variables[*count - 1] : NULL;
		bool goes_on;
		const char *part = part_of_text(m->headers[i], "Variable", &goes_on), *equals;
		size_t length;

		if (!part) {
			continue;
		}
		if (goes_on && last) {
			if (value_goes_on(last, "", part)) {
				return out_of_memory;
			}
			continue;
		}
		equals = strchr(part, '=');
		if (!equals || equals == part || goes_on) {
			return "Variable is wrong: say NAME=VALUE";
		}
		length = (size_t) (equals - part);
		if (last && strlen(last->name) == length && !strncmp(last->name, part, length)) {
			if (value_goes_on(last, "\n", equals + 1)) {
				return out_of_memory;
			}
		} else if (*count == FOUND_MAX) {
			return "There are more than 64 variables";
		} else {
			variables[*count] = (struct aic_variable) {ast_strndup(part, length), ast_strdup(equals + 1)};
			if (!variables[(*count)++].name || !variables[*count - 1].value) {
				return out_of_memory;
			}
		}
	}
	return NULL;
}

static int action_variables(struct mansession *s, const struct message *m)
{
	struct aic_variable variables[FOUND_MAX] = {{NULL, NULL}};
	struct session *session = session_of(s, m);
	const char *problem;
	size_t count = 0;

	if (!session) {
		return 0;
	}
	if (!(problem = read_variables(m, variables, &count)) && session_found(session, variables, count)) {
		problem = "Nobody waits for it, or not any more";
	}
	answer(s, m, "The agent is told", problem);
	for (size_t i = 0; i < FOUND_MAX; i++) {
		ast_free((char *) variables[i].name);
		ast_free((char *) variables[i].value);
	}
	ao2_ref(session, -1);
	return 0;
}

/* The agent an action names by Agent:, NULL after an error was sent. */
static struct agent *agent_of(struct mansession *s, const struct message *m)
{
	const char *name = astman_get_header(m, "Agent");
	struct configuration *configuration = agents_configuration();
	struct agent *agent = configuration ? agents_find(configuration, name) : NULL;

	ao2_cleanup(configuration);
	if (!agent) {
		astman_send_error(s, m, "No agent of that name is configured: say Agent: NAME");
	}
	return agent;
}

static int action_close_agent(struct mansession *s, const struct message *m)
{
	const char *given = astman_get_header(m, "Seconds"), *reason = astman_get_header(m, "Reason");
	struct agent *agent;
	int seconds;

	if (sscanf(given, "%30d", &seconds) != 1 || seconds < 1 || seconds > CLOSED_AGENTS_LONGEST_SECONDS) {
		astman_send_error(s, m, "Seconds is missing or wrong: say 1 to 86400");
		return 0;
	}
	if ((agent = agent_of(s, m))) {
		answer(s, m, "The agent takes no new calls", closed_agents_close(agent->name, S_OR(reason, "closed over AMI"),
			seconds) ? "Too many agents are closed" : NULL);
		ao2_ref(agent, -1);
	}
	return 0;
}

static int action_open_agent(struct mansession *s, const struct message *m)
{
	struct agent *agent = agent_of(s, m);

	if (agent) {
		answer(s, m, "The agent takes calls", closed_agents_open(agent->name) ? NULL : "The agent is not closed");
		ao2_ref(agent, -1);
	}
	return 0;
}

static int action_test_agent(struct mansession *s, const struct message *m)
{
	struct agent *agent = agent_of(s, m);

	if (agent) {
		answer(s, m, "The event AIConvAITrial tells the result", agent_trial_begin(agent,
			astman_get_header(m, "ActionID")) ? "Too many agents are being tried already, or memory is short" : NULL);
		ao2_ref(agent, -1);
	}
	return 0;
}

static int action_recording(struct mansession *s, const struct message *m)
{
	struct session *session;
	bool paused;

	if (read_yes_or_no(s, m, "Paused", &paused) && (session = session_of(s, m))) {
		recording_pause(session, RECORDING_PAUSE_ASKED, paused);
		astman_send_ack(s, m, paused ? "The recording is paused" : "The recording goes on");
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
	{"AIConvAIReplay", EVENT_FLAG_CALL, action_replay},
	{"AIConvAIToolResult", EVENT_FLAG_CALL, action_tool_result},
	{"AIConvAIVariables", EVENT_FLAG_CALL, action_variables},
	{"AIConvAIContext", EVENT_FLAG_CALL, action_context},
	{"AIConvAIMessage", EVENT_FLAG_CALL, action_message},
	{"AIConvAIState", EVENT_FLAG_CALL, action_state},
	{"AIConvAIInterruptible", EVENT_FLAG_CALL, action_interruptible},
	{"AIConvAIRecording", EVENT_FLAG_CALL, action_recording},
	{"AIConvAIEnd", EVENT_FLAG_CALL, action_end},
	{"AIConvAICloseAgent", EVENT_FLAG_CALL, action_close_agent},
	{"AIConvAIOpenAgent", EVENT_FLAG_CALL, action_open_agent},
	{"AIConvAITestAgent", EVENT_FLAG_CALL, action_test_agent},
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
