/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The tools that the agent calls: most are answered by whoever runs them, some here. A call that ends the conversation
 * is not answered: the agent would say something about the answer. What it says is heard to its end.
 */
#include "conversation_state.h"

#include "json_members.h"
#include "provider_port.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What an agent that has ended the conversation says after that is still waited for, where no longer pause comes before
 * it; not without end.
 */
#define END_PAUSE_US (700 * US_PER_MS)
#define END_PATIENCE_US (20 * US_PER_SECOND)

void aic_conversation_forget_tool_call(struct aic_conversation *conversation, struct aic_tool_call *call)
{
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TOOL_DONE,
		.tool_done = {.id = call->shown}});
	aic_tool_calls_remove(&conversation->tools_at_work.calls, call);
}

void aic_conversation_forget_tool_calls(struct aic_conversation *conversation)
{
	while (conversation->tools_at_work.calls.count) {
		aic_conversation_forget_tool_call(conversation, &conversation->tools_at_work.calls.calls[0]);
	}
}

/* The answer to an open call, of which nothing is left then. */
static void answer(struct aic_conversation *conversation, struct aic_tool_call *call, const char *result, bool is_error)
{
	conversation->provider->tool_result(conversation, call->id, call->name, result, is_error);
	aic_conversation_forget_tool_call(conversation, call);
}

int aic_conversation_tool_result(struct aic_conversation *conversation, const char *id, const char *result,
	bool is_error)
{
	struct aic_tool_call *call = aic_tool_calls_find_shown(&conversation->tools_at_work.calls, id);

	if (conversation->phase != AIC_PHASE_ACTIVE || !call) {
		return -1;
	}
	answer(conversation, call, result, is_error);
	return 0;
}

/* --- those that are run here --- */

static void end_call(struct aic_conversation *conversation, struct aic_tool_call *call)
{
	conversation->tools_at_work.end_called_us = conversation->now_us;
	aic_conversation_forget_tool_call(conversation, call);
}

/* Returns NULL, or why the agent cannot send the caller there. */
static const char *transfer_call(struct aic_conversation *conversation, struct aic_tool_call *call,
	const char *destination)
{
	const struct aic_string_list *places = &conversation->settings->transfer_to;
	struct aic_outcome *outcome = &conversation->outcome;

	for (size_t i = 0; destination && i < places->count; i++) {
		size_t length = aic_entry_name_length(places->items[i]);

		if (strlen(destination) == length && !strncmp(places->items[i], destination, length)) {
			snprintf(outcome->transfer, sizeof(outcome->transfer), "%s", destination);
			snprintf(outcome->transfer_place, sizeof(outcome->transfer_place), "%s", aic_entry_value(places->items[i]));
			end_call(conversation, call);
			return NULL;
		}
	}
	return "There is no such destination; the tool's description has those that there are.";
}

/* Enters the state that the arguments name; what else they hold are values of placeholders. */
static void enter_state(struct aic_conversation *conversation, struct aic_tool_call *call,
	const struct aic_json_members *arguments)
{
	const char *name = aic_json_members_find(arguments, "state");
	const char *problem = name ? aic_conversation_go_to_state(conversation, name, arguments->items, arguments->count)
		: "The argument state is missing.";
	char *text = problem ? NULL : aic_conversation_state_text(conversation);

	if (text && conversation->provider->instruct) {
		conversation->provider->instruct(conversation, text);
		answer(conversation, call, "The conversation is in that state now.", false);
	} else {
		/* The answer is the nearest thing to an instruction. */
		answer(conversation, call, text ? text : problem ? problem : "Out of memory.", !text);
	}
	free(text);
}

/* Runs a tool that is the engine's to run. */
static void run(struct aic_conversation *conversation, const struct aic_tool *tool, struct aic_tool_call *call,
	const struct aic_json_members *arguments)
{
	const char *problem = NULL;

	if (tool->run == AIC_TOOL_END_CALL) {
		end_call(conversation, call);
	} else if (tool->run == AIC_TOOL_TRANSFER_CALL) {
		problem = transfer_call(conversation, call, aic_json_members_find(arguments, "destination"));
	} else if (tool->run == AIC_TOOL_ENTER_STATE) {
		enter_state(conversation, call, arguments);
	} else if (!conversation->runs_tools) {
		problem = "This tool cannot be run in this call.";
	}
	if (problem) {
		answer(conversation, call, problem, true);
	}
}

/* --- calls --- */

static bool is_name(const char *text)
{
	return strnlen(text, AIC_NAME_MAX + 1) <= AIC_NAME_MAX;
}

/*
 * Reads a call's arguments, where somebody else than a listener over AMI takes them. What is beyond a bound is refused
 * as a whole: with a part of its name, or of its arguments, it would be another call. Returns 0, or -1 with what the
 * agent is told in `problem`.
 */
static int read_call(struct aic_conversation *conversation, const char *id, const char *name, const char *parameters,
	const struct aic_tool *tool, struct aic_json_members *arguments, char problem[AIC_JSON_PROBLEM_MAX])
{
	int result;

	if (!is_name(id) || !is_name(name)) {
		snprintf(problem, AIC_JSON_PROBLEM_MAX, "The name of the tool, or the id of the call, is longer than %d bytes.",
			AIC_NAME_MAX);
		aic_conversation_beyond(conversation, AIC_BOUND_NAME);
		return -1;
	}
	if (strnlen(parameters, AIC_PARAMETERS_MAX + 1) > AIC_PARAMETERS_MAX) {
		snprintf(problem, AIC_JSON_PROBLEM_MAX, "The arguments are longer than %d bytes. Call the tool again with "
			"shorter ones.", AIC_PARAMETERS_MAX);
		aic_conversation_beyond(conversation, AIC_BOUND_PARAMETERS);
		return -1;
	}
	result = tool && tool->run != AIC_TOOL_AMI ? aic_json_members_read(arguments, parameters, problem)
		: aic_json_check(parameters, problem);
	if (result) {
		aic_conversation_beyond(conversation, AIC_BOUND_ARGUMENTS);
	}
	return result;
}

/* Opens the call and has it run. Returns 0, or -1 when too many are open. */
static int open_call(struct aic_conversation *conversation, const char *id, const char *name, const char *parameters,
	const struct aic_tool *tool, const struct aic_json_members *arguments)
{
	uint64_t due_us = conversation->now_us + (uint64_t) conversation->settings->tool_timeout_ms * US_PER_MS;
	struct aic_tool_call *call;
	char shown_name[AIC_NAME_MAX + 1];

	if (aic_tool_calls_add(&conversation->tools_at_work.calls, id, name, due_us)) {
		return -1;
	}
	call = aic_tool_calls_find(&conversation->tools_at_work.calls, id);
	aic_utf8_line(shown_name, sizeof(shown_name), name);
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TOOL_CALL,
		.tool_call = {.id = call->shown, .name = shown_name, .parameters = parameters, .run = tool ? tool->run
		: AIC_TOOL_AMI,
			.subroutine = tool ? tool->subroutine : NULL}});
	if (tool && tool->run != AIC_TOOL_AMI) {
		run(conversation, tool, call, arguments);
	}
	return 0;
}

void aic_conversation_call_tool(struct aic_conversation *conversation, const char *id, const char *name,
	const char *parameters)
{
	const struct aic_tool *tool = aic_tools_find(conversation->tools, name);
	struct aic_json_members arguments = {NULL, 0};
	char problem[AIC_JSON_PROBLEM_MAX];

	conversation->stats.tool_calls++;
	if (aic_tool_calls_find(&conversation->tools_at_work.calls, id)) {
		/* A refusal would be taken for the answer to the first. */
		aic_conversation_tell_error(conversation, "a tool call was ignored: its id is open already");
		return;
	}
	if (read_call(conversation, id, name, parameters, tool, &arguments, problem)) {
		conversation->provider->tool_result(conversation, id, name, problem, true);
	} else if (open_call(conversation, id, name, parameters, tool, &arguments)) {
		aic_conversation_tell_error(conversation, "a tool call was refused: too many are open");
		conversation->provider->tool_result(conversation, id, name, "Too many tool calls are open at once.", true);
	}
	aic_json_members_free(&arguments);
}

/* --- time --- */

/* When the agent, who has ended the conversation, has said all that it had to say. */
static uint64_t end_due(const struct aic_conversation *conversation)
{
	uint64_t called_us = conversation->tools_at_work.end_called_us;

	if (called_us == UINT64_MAX) {
		return UINT64_MAX;
	}
	return aic_earlier(aic_later(conversation->caller_idle.agent_until_us, called_us) + END_PAUSE_US, called_us
		+ END_PATIENCE_US);
}

uint64_t aic_tools_due(const struct aic_conversation *conversation)
{
	struct aic_tool_calls *calls = (struct aic_tool_calls *) &conversation->tools_at_work.calls;
	const struct aic_tool_call *call = aic_tool_calls_next_due(calls);

	return aic_earlier(call ? call->due_us : UINT64_MAX, end_due(conversation));
}

static void end(struct aic_conversation *conversation)
{
	char reason[AIC_REASON_MAX] = "the agent ended the conversation";

	if (conversation->outcome.transfer[0]) {
		snprintf(reason, sizeof(reason), "the agent transferred the call to %s", conversation->outcome.transfer);
	}
	conversation->outcome.play_out = true;
	aic_conversation_end(conversation, AIC_STATUS_COMPLETED, reason, conversation->now_us);
}

bool aic_tools_attend(struct aic_conversation *conversation)
{
	struct aic_tool_calls *calls = &conversation->tools_at_work.calls;
	struct aic_tool_call *call;

	if (conversation->now_us >= end_due(conversation)) {
		end(conversation);
		return false;
	}
	while ((call = aic_tool_calls_next_due(calls)) && conversation->now_us >= call->due_us) {
		char text[256];

		snprintf(text, sizeof(text), "The tool %.100s did not answer within %d ms.", call->name,
			(int) conversation->settings->tool_timeout_ms);
		conversation->stats.tool_timeouts++;
		aic_conversation_tell_error(conversation, text);
		answer(conversation, call, text, true);
	}
	return true;
}
