/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "tools.h"

#include "json_writer.h"
#include "placeholders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GOSUB "gosub:"

/* Most placeholders that the agent is asked for when it enters a state. */
#define PLACEHOLDERS_MAX 64

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name;
	enum aic_tool_run run;
	const char *description;
} builtins[] = {
	{"end_call", AIC_TOOL_END_CALL, "Ends the phone call. Say goodbye before; the caller hears it to its end."},
	{"transfer_call", AIC_TOOL_TRANSFER_CALL, "Transfers the caller to somebody else. Say so before; the conversation "
	"with you is over then."},
	{"transfer_to_agent", AIC_TOOL_TRANSFER_TO_AGENT, "Hands the caller over to another assistant, who knows what was "
	"said. Say so before; you are not in the conversation any more then."},
	{"collect_digits", AIC_TOOL_COLLECT_DIGITS, "Takes a number that the caller presses on the telephone keypad. Ask "
	"for it before, and say that the hash key ends it."},
	{"send_dtmf", AIC_TOOL_SEND_DTMF, "Presses keys on the telephone, for an automatic system at the other end."},
	{"enter_state", AIC_TOOL_ENTER_STATE, "Goes on to the next state of the conversation; you are told what to do in "
	"it."},
	{"pause_recording", AIC_TOOL_PAUSE_RECORDING, "Pauses the recording of this call, before the caller says something "
	"that is not to be recorded. Call resume_recording afterwards."},
	{"resume_recording", AIC_TOOL_RESUME_RECORDING, "Goes on with the recording of this call."},
};

void aic_tools_clear(struct aic_tools *tools)
{
	for (size_t i = 0; i < tools->count; i++) {
		free(tools->items[i].name);
		free(tools->items[i].description);
		free(tools->items[i].parameters);
		free(tools->items[i].place);
	}
	free(tools->items);
	*tools = (struct aic_tools) {NULL, 0};
}

const struct aic_tool *aic_tools_find(const struct aic_tools *tools, const char *name)
{
	for (size_t i = 0; i < tools->count; i++) {
		if (!strcmp(tools->items[i].name, name)) {
			return &tools->items[i];
		}
	}
	return NULL;
}

const char *aic_tool_run_name(enum aic_tool_run run)
{
	return run == AIC_TOOL_AMI ? "ami" : run == AIC_TOOL_GOSUB ? "gosub" : "builtin";
}

static const struct aic_tool_settings *find_declaration(const char *name, const struct aic_tool_declaration *declared,
	size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcasecmp(declared[i].name, name)) {
			return declared[i].settings;
		}
	}
	return NULL;
}

/* --- what the built-in tools take --- */

/* A member that is a text; one of the names of `words` (entries name=value) where there are some. */
static void put_property(struct aic_json_writer *writer, const char *name, const char *description,
	const struct aic_string_list *words)
{
	aic_json_open_object(writer, name);
	aic_json_put_text(writer, "type", "string");
	aic_json_put_text(writer, "description", description);
	if (words) {
		aic_json_open_array(writer, "enum");
		for (size_t i = 0; i < words->count; i++) {
			char word[256];

			snprintf(word, sizeof(word), "%.*s", (int) aic_entry_name_length(words->items[i]), words->items[i]);
			aic_json_put_text(writer, NULL, word);
		}
		aic_json_close_array(writer);
	}
	aic_json_close_object(writer);
}

/* A member for each placeholder of the states' texts: the agent is who knows its value. */
static void put_placeholders(struct aic_json_writer *writer, const struct aic_prompt_settings *prompt)
{
	char names[PLACEHOLDERS_MAX][AIC_PLACEHOLDER_MAX];
	size_t count = 0;

	for (size_t i = 0; i < prompt->state.count; i++) {
		const char *at = prompt->state.items[i];

		while (count < PLACEHOLDERS_MAX && (at = aic_placeholder_next(at, names[count]))) {
			size_t before = 0;

			while (before < count && strcmp(names[before], names[count])) {
				before++;
			}
			count += before == count;
		}
	}
	for (size_t i = 0; i < count; i++) {
		put_property(writer, names[i], "As far as it is known.", NULL);
	}
}

/* Their JSON Schema, to be freed. Returns NULL when memory is short. */
static char *builtin_parameters(enum aic_tool_run run, const struct aic_settings *settings,
	const struct aic_prompt_settings *prompt)
{
	struct aic_json_writer *writer = aic_json_writer_new();
	const char *required = NULL, *text;
	char *copy = NULL, keys[96];
	size_t length;

	if (!writer) {
		return NULL;
	}
	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "type", "object");
	aic_json_open_object(writer, "properties");
	if (run == AIC_TOOL_TRANSFER_CALL) {
		put_property(writer, required = "destination", "Where to.", &settings->transfer_to);
	} else if (run == AIC_TOOL_TRANSFER_TO_AGENT) {
		put_property(writer, required = "agent", "Which one.", &settings->hand_over_to);
	} else if (run == AIC_TOOL_COLLECT_DIGITS) {
		aic_json_open_object(writer, "count");
		aic_json_put_text(writer, "type", "integer");
		aic_json_put_text(writer, "description", "How many digits it has at most; leave it out where that is not "
			"known.");
		aic_json_close_object(writer);
	} else if (run == AIC_TOOL_SEND_DTMF) {
		snprintf(keys, sizeof(keys), "The keys: 0 to 9, * and #; w for a pause of half a second; at most %d.",
			AIC_KEYS_MAX);
		put_property(writer, required = "digits", keys, NULL);
	} else if (run == AIC_TOOL_ENTER_STATE) {
		put_property(writer, required = "state", "Which one.", &prompt->state);
		put_placeholders(writer, prompt);
	}
	aic_json_close_object(writer);
	if (required) {
		aic_json_open_array(writer, "required");
		aic_json_put_text(writer, NULL, required);
		aic_json_close_array(writer);
	}
	aic_json_close_object(writer);
	if ((text = aic_json_writer_text(writer, &length))) {
		copy = strndup(text, length);
	}
	aic_json_writer_free(writer);
	return copy;
}

/* --- an agent's tools --- */

static int report(aic_problem_fn problem, void *user, const char *agent, const char *name, const char *how,
	const char *expected)
{
	char text[512];

	snprintf(text, sizeof(text), "[%.80s] tool_%.80s = %.80s: expected %s", agent, name, how, expected);
	problem(user, text);
	return 1;
}

/* What a built-in tool needs beside it; NULL: it is all there. */
static const char *missing(enum aic_tool_run run, const struct aic_settings *settings,
	const struct aic_prompt_settings *prompt)
{
	if (run == AIC_TOOL_TRANSFER_CALL && !settings->transfer_to.count) {
		return "transfer_to_NAME beside it; add a line for each destination";
	}
	if (run == AIC_TOOL_TRANSFER_TO_AGENT && !settings->hand_over_to.count) {
		return "hand_over_to beside it; add it with the names of the agents";
	}
	if (run == AIC_TOOL_ENTER_STATE && (!prompt || !prompt->state.count)) {
		return "prompts beside it, with states; add them or remove the tool";
	}
	return NULL;
}

/* Fills in a tool but for its name. Returns the number of problems, or -1 when memory is short. */
static int read_tool(struct aic_tool *tool, const char *how, const char *agent, const struct aic_settings *settings,
	const struct aic_prompt_settings *prompt, const struct aic_tool_settings *declared, aic_problem_fn problem,
	void *user)
{
	const char *description = declared ? declared->description : NULL;
	size_t builtin = 0;

	if (!strncmp(how, GOSUB, strlen(GOSUB))) {
		tool->run = AIC_TOOL_GOSUB;
		if (!(tool->place = strdup(how + strlen(GOSUB)))) {
			return -1;
		}
	} else if (!strcmp(how, "builtin")) {
		while (builtin < COUNT(builtins) && strcmp(builtins[builtin].name, tool->name)) {
			builtin++;
		}
		if (builtin == COUNT(builtins)) {
			return report(problem, user, agent, tool->name, how,
				"ami, gosub:CONTEXT, https://URL, mcp:SERVER/TOOL or python:MODULE.FUNCTION; built in are end_call, "
				"transfer_call, transfer_to_agent, collect_digits, send_dtmf, enter_state, pause_recording and "
				"resume_recording");
		}
		tool->run = builtins[builtin].run;
		description = description ? description : builtins[builtin].description;
		if (missing(tool->run, settings, prompt)) {
			return report(problem, user, agent, tool->name, how, missing(tool->run, settings, prompt));
		}
	} else {
		tool->run = AIC_TOOL_AMI;
		if (strcmp(how, "ami") && !(tool->place = strdup(how))) {
			return -1;
		}
	}
	tool->silent = declared && !declared->answer;
	tool->uninterruptible = declared && !declared->interruptible;
	if (description && !(tool->description = strdup(description))) {
		return -1;
	}
	/* What a built-in tool takes is not for a section to say: it could not follow. */
	tool->parameters = declared && tool->run <= AIC_TOOL_GOSUB ? strdup(declared->parameters)
		: builtin_parameters(tool->run, settings, prompt);
	return tool->parameters ? 0 : -1;
}

int aic_tools_read(struct aic_tools *tools, const char *agent, const struct aic_settings *settings,
	const struct aic_prompt_settings *prompt, const struct aic_tool_declaration *declared, size_t declared_count,
	aic_problem_fn problem, void *user)
{
	const struct aic_string_list *lines = &settings->tool;
	int problems = 0;

	tools->items = calloc(lines->count + 1, sizeof(*tools->items));
	if (!tools->items) {
		return -1;
	}
	for (size_t i = 0; i < lines->count; i++) {
		struct aic_tool *tool = &tools->items[tools->count];
		int result;

		if (!(tool->name = strndup(lines->items[i], aic_entry_name_length(lines->items[i])))) {
			return -1;
		}
		tools->count++;
		result = read_tool(tool, aic_entry_value(lines->items[i]), agent, settings, prompt,
			find_declaration(tool->name, declared, declared_count), problem, user);
		if (result < 0) {
			return -1;
		}
		problems += result;
	}
	return problems;
}
