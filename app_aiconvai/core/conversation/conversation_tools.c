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

/* Somebody may be rung for that long, and then told who is there; the host answers sooner. */
#define TRANSFER_PATIENCE_US (300 * US_PER_SECOND)

void aic_conversation_forget_tool_call(struct aic_conversation *conversation, struct aic_tool_call *call,
	const struct aic_tool_result *result)
{
	char shown_name[AIC_NAME_MAX + 1];

	aic_digits_forget(conversation, call);
	aic_utf8_line(shown_name, sizeof(shown_name), call->name);
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TOOL_DONE,
		.tool_done = {.id = call->shown, .name = shown_name, .withdrawn = !result, .result = result ? result->text
		: NULL, .is_error = result && result->is_error}});
	aic_tool_calls_remove(&conversation->tools_at_work.calls, call);
	if (!conversation->tools_at_work.calls.count) {
		aic_interruption_tools_done(conversation);
	}
	aic_answer_wait_anew(conversation);
}

void aic_conversation_forget_tool_calls(struct aic_conversation *conversation)
{
	while (conversation->tools_at_work.calls.count) {
		aic_conversation_forget_tool_call(conversation, &conversation->tools_at_work.calls.calls[0], NULL);
	}
}

/* The answer to an open call, of which nothing is left then. An error is nothing to be silent about. */
static void answer_silently(struct aic_conversation *conversation, struct aic_tool_call *call, const char *result,
	bool is_error, bool silent)
{
	const struct aic_tool *tool = aic_tools_find(conversation->tools, call->name);
	struct aic_tool_result told = {.id = call->id, .name = call->name, .text = result, .is_error = is_error,
		.silent = !is_error && (silent || (tool && tool->silent))};

	conversation->provider->tool_result(conversation, &told);
	if (told.silent) {
		aic_answer_forget(conversation);
	}
	aic_conversation_forget_tool_call(conversation, call, &told);
}

static void answer(struct aic_conversation *conversation, struct aic_tool_call *call, const char *result, bool is_error)
{
	answer_silently(conversation, call, result, is_error, false);
}

/* The answer to a call that is not opened. */
static void refuse(struct aic_conversation *conversation, const char *id, const char *name, const char *problem)
{
	conversation->provider->tool_result(conversation, &(struct aic_tool_result) {.id = id, .name = name,
		.text = problem, .is_error = true});
}

struct aic_tool_call *aic_tools_find_awaited(struct aic_conversation *conversation, const char *id)
{
	return conversation->phase == AIC_PHASE_ACTIVE
		? aic_tool_calls_find_shown(&conversation->tools_at_work.calls, id) : NULL;
}

int aic_conversation_tool_result(struct aic_conversation *conversation, const char *id, const char *result,
	bool is_error, bool silent)
{
	struct aic_tool_call *call = aic_tools_find_awaited(conversation, id);

	if (!call) {
		return -1;
	}
	answer_silently(conversation, call, result, is_error, silent);
	return 0;
}

/* --- those that are run here --- */

static void end_call(struct aic_conversation *conversation, struct aic_tool_call *call)
{
	conversation->tools_at_work.end_called_us = conversation->now_us;
	aic_conversation_forget_tool_call(conversation, call, &(struct aic_tool_result) {.text = ""});
}

/* Where the agent may send the call to by that name: a line of transfer_to; NULL: nowhere. */
static const char *find_destination(const struct aic_conversation *conversation, const char *name)
{
	const struct aic_string_list *lines = &conversation->settings->transfer_to;

	for (size_t i = 0; name && i < lines->count; i++) {
		size_t length = aic_entry_name_length(lines->items[i]);

		if (strlen(name) == length && !strncmp(lines->items[i], name, length)) {
			return lines->items[i];
		}
	}
	return NULL;
}

static void set_end(struct aic_conversation *conversation, bool play_out, char reason[AIC_REASON_MAX])
{
	const char *transfer = conversation->outcome.transfer;

	if (transfer[0]) {
		snprintf(reason, AIC_REASON_MAX, "the agent transferred the call to %s", transfer);
	} else {
		snprintf(reason, AIC_REASON_MAX, "the agent ended the conversation");
	}
	conversation->outcome.play_out = play_out;
}

static void end(struct aic_conversation *conversation, bool play_out)
{
	char reason[AIC_REASON_MAX];

	set_end(conversation, play_out, reason);
	aic_conversation_end(conversation, AIC_STATUS_COMPLETED, reason, conversation->now_us);
}

bool aic_tools_end_had_been_called(struct aic_conversation *conversation, uint16_t close_code)
{
	char reason[AIC_REASON_MAX];

	if (!conversation->ending.agent_ends && conversation->tools_at_work.end_called_us == UINT64_MAX) {
		return false;
	}
	set_end(conversation, true, reason);
	aic_conversation_finish(conversation, AIC_STATUS_COMPLETED, close_code, reason);
	return true;
}

int aic_conversation_transfer(struct aic_conversation *conversation, const char *id, bool at_once)
{
	struct aic_tool_call *call = aic_tools_find_awaited(conversation, id);
	struct aic_outcome *outcome = &conversation->outcome;

	if (!call || !call->destination) {
		return -1;
	}
	snprintf(outcome->transfer, sizeof(outcome->transfer), "%.*s", (int) aic_entry_name_length(call->destination),
		call->destination);
	snprintf(outcome->transfer_place, sizeof(outcome->transfer_place), "%s", aic_entry_value(call->destination));
	end_call(conversation, call);
	if (at_once) {
		end(conversation, false);
	}
	return 0;
}

bool aic_conversation_waits_for_tool(const struct aic_conversation *conversation, const char *id)
{
	return aic_tools_find_awaited((struct aic_conversation *) conversation, id);
}

/* How long the agent waits for a call that goes to that destination, or has none. */
static uint64_t patience_us(const struct aic_conversation *conversation, const char *destination)
{
	return destination ? TRANSFER_PATIENCE_US : (uint64_t) conversation->settings->tool_timeout_ms * US_PER_MS;
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

	if (conversation->listening.is_on) {
		problem = "You only listen now: that is not possible before the caller is with you again.";
	} else if (tool->run == AIC_TOOL_END_CALL) {
		end_call(conversation, call);
	} else if (tool->run == AIC_TOOL_TRANSFER_CALL) {
		problem = call->destination ? NULL
			: "There is no such destination; the tool's description has those that there are.";
	} else if (tool->run == AIC_TOOL_COLLECT_DIGITS) {
		problem = aic_digits_begin(conversation, call, arguments);
	} else if (tool->run == AIC_TOOL_TRANSFER_TO_AGENT) {
		problem = aic_conversation_choose_agent(conversation, aic_json_members_find(arguments, "agent"));
		if (!problem) {
			end_call(conversation, call);
		}
	} else if (tool->run == AIC_TOOL_PAUSE_RECORDING || tool->run == AIC_TOOL_RESUME_RECORDING) {
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_RECORDING,
			.recording = {.is_paused = tool->run == AIC_TOOL_PAUSE_RECORDING}});
		answer(conversation, call, tool->run == AIC_TOOL_PAUSE_RECORDING ? "The recording is paused."
			: "The recording goes on.", false);
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
	enum aic_tool_run how = tool ? tool->run : AIC_TOOL_AMI;
	const char *destination = how == AIC_TOOL_TRANSFER_CALL && !conversation->listening.is_on
		? find_destination(conversation, aic_json_members_find(arguments, "destination")) : NULL;
	struct aic_tool_call *call;
	char shown_name[AIC_NAME_MAX + 1];

	if (aic_tool_calls_add(&conversation->tools_at_work.calls, id, name, destination,
		conversation->now_us + patience_us(conversation, destination))) {
		return -1;
	}
	call = aic_tool_calls_find(&conversation->tools_at_work.calls, id);
	aic_utf8_line(shown_name, sizeof(shown_name), name);
	if (tool && tool->uninterruptible) {
		aic_interruption_protect(conversation);
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TOOL_CALL,
		.tool_call = {.id = call->shown, .name = shown_name, .parameters = parameters, .run = how,
			.place = destination ? destination : tool ? tool->place : NULL,
			.schema = tool ? tool->parameters : NULL}});
	if (how != AIC_TOOL_AMI) {
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
	aic_interruption_tool_call(conversation);
	if (aic_tool_calls_find(&conversation->tools_at_work.calls, id)) {
		/* A refusal would be taken for the answer to the first. */
		aic_conversation_tell_error(conversation, "a tool call was ignored: its id is open already");
		return;
	}
	if (read_call(conversation, id, name, parameters, tool, &arguments, problem)) {
		refuse(conversation, id, name, problem);
	} else if (open_call(conversation, id, name, parameters, tool, &arguments)) {
		aic_conversation_tell_error(conversation, "a tool call was refused: too many are open");
		refuse(conversation, id, name, "Too many tool calls are open at once.");
	}
	aic_json_members_free(&arguments);
}

bool aic_tools_silence_caller(const struct aic_conversation *conversation)
{
	return conversation->tools_at_work.calls.count
		&& conversation->settings->audio_during_tools == AIC_AUDIO_DURING_TOOLS_SILENCE;
}

bool aic_tools_keep_caller_waiting(const struct aic_conversation *conversation)
{
	return conversation->tools_at_work.calls.count
		&& conversation->settings->audio_during_tools == AIC_AUDIO_DURING_TOOLS_WAIT;
}

/* --- time --- */

/* When the agent, who has ended the conversation, has said all that it had to say. */
static uint64_t end_due(const struct aic_conversation *conversation)
{
	uint64_t called_us = conversation->tools_at_work.end_called_us;

	if (called_us == UINT64_MAX) {
		return UINT64_MAX;
	}
	/* Its goodbye waits for a caller on hold, and until it is known whether he interrupts it. */
	if (conversation->idle_pause.reasons && aic_idle_agent_is_heard(conversation)) {
		return called_us + END_PATIENCE_US;
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

bool aic_tools_attend(struct aic_conversation *conversation)
{
	struct aic_tool_calls *calls = &conversation->tools_at_work.calls;
	struct aic_tool_call *call;

	if (conversation->now_us >= end_due(conversation)) {
		if (conversation->hand_over.wanted) {
			aic_conversation_hand_over(conversation);
			return true;
		}
		end(conversation, true);
		return false;
	}
	while ((call = aic_tool_calls_next_due(calls)) && conversation->now_us >= call->due_us) {
		char text[256];
		int patience_ms = (int) (patience_us(conversation, call->destination) / US_PER_MS);

		snprintf(text, sizeof(text), "The tool %.100s did not answer within %d ms.", call->name, patience_ms);
		conversation->stats.tool_timeouts++;
		aic_conversation_tell_error(conversation, text);
		answer(conversation, call, text, true);
	}
	return true;
}
