/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "session.h"
#include "session_requests.h"

struct request {
	const char *text; /* or the result of a tool, or the name of a state */
	const char *tool_call_id;
	bool is_error, silent;
	bool at_once;
	bool allowed;
	const struct aic_variable *values;
	size_t value_count;
	int result;
	const char *problem;
};

/* Has it done, unless the call is over. */
static void ask(struct session *session, void (*work)(struct aic_conversation *conversation, void *arg),
	struct request *request)
{
	struct aic_link *link = session_link(session);

	request->result = -1;
	request->problem = "The conversation is over.";
	if (link) {
		aic_link_query(link, work, request);
		aic_link_release(link);
	}
}

static void answer_tool(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_tool_result(conversation, request->tool_call_id, request->text,
		request->is_error, request->silent);
}

static void transfer(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_transfer(conversation, request->tool_call_id, request->at_once);
}

static void begin_listening(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_listen(conversation, request->tool_call_id, aic_now_us());
}

static void end_listening(struct aic_conversation *conversation, void *arg)
{
	aic_conversation_stop_listening(conversation, aic_now_us());
}

static void look_for_tool(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_waits_for_tool(conversation, request->tool_call_id) ? 0 : -1;
}

static void tell_context(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_context(conversation, request->text);
}

static void say_for_caller(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_user_message(conversation, request->text);
}

static void enter_state(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->problem = aic_conversation_enter_state(conversation, request->text, request->values, request->value_count);
}

static void allow_interruptions(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	aic_conversation_allow_interruptions(conversation, request->allowed);
	request->result = 0;
}

int session_answer_tool(struct session *session, const char *tool_call_id, const char *result, bool is_error)
{
	struct request request = {.text = result, .tool_call_id = tool_call_id, .is_error = is_error};

	ask(session, answer_tool, &request);
	return request.result;
}

int session_answer_tool_silently(struct session *session, const char *tool_call_id, const char *result)
{
	struct request request = {.text = result, .tool_call_id = tool_call_id, .silent = true};

	ask(session, answer_tool, &request);
	return request.result;
}

int session_transfer(struct session *session, const char *tool_call_id, bool at_once)
{
	struct request request = {.tool_call_id = tool_call_id, .at_once = at_once};

	ask(session, transfer, &request);
	return request.result;
}

int session_listen(struct session *session, const char *tool_call_id)
{
	struct request request = {.tool_call_id = tool_call_id};

	ask(session, begin_listening, &request);
	return request.result;
}

void session_stop_listening(struct session *session)
{
	struct request request = {.text = NULL};

	ask(session, end_listening, &request);
}

bool session_waits_for_tool(struct session *session, const char *tool_call_id)
{
	struct request request = {.tool_call_id = tool_call_id};

	ask(session, look_for_tool, &request);
	return !request.result;
}

int session_tell_context(struct session *session, const char *text)
{
	struct request request = {.text = text};

	ask(session, tell_context, &request);
	return request.result;
}

static void found(struct aic_conversation *conversation, void *arg)
{
	struct request *request = arg;

	request->result = aic_conversation_found(conversation, request->values, request->value_count, aic_now_us());
}

int session_found(struct session *session, const struct aic_variable *variables, size_t count)
{
	struct request request = {.values = variables, .value_count = count};

	ask(session, found, &request);
	return request.result;
}

int session_say_for_caller(struct session *session, const char *text)
{
	struct request request = {.text = text};

	ask(session, say_for_caller, &request);
	return request.result;
}

const char *session_enter_state(struct session *session, const char *name, const struct aic_variable *values,
	size_t value_count)
{
	struct request request = {.text = name, .values = values, .value_count = value_count};

	ask(session, enter_state, &request);
	return request.problem;
}

int session_allow_interruptions(struct session *session, bool allowed)
{
	struct request request = {.allowed = allowed};

	ask(session, allow_interruptions, &request);
	return request.result;
}

/* Nothing that is queued is to be heard any more. */
static void fall_silent(struct aic_conversation *conversation, void *arg)
{
	struct session *session = arg;
	struct aic_interruption dropped;

	if (atomic_load(&session->ended)) {
		aic_playout_queue_interrupt(session->playout, INT64_MAX, &dropped);
	}
}

int session_end(struct session *session, const char *reason)
{
	struct aic_link *link = session_link(session);

	if (!link) {
		return -1;
	}
	aic_link_end(link, AIC_STATUS_COMPLETED, reason);
	aic_link_query(link, fall_silent, session);
	aic_link_release(link);
	return 0;
}
