/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/linkedlists.h"
#include "asterisk/logger.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call_variables.h"
#include "channel_variable.h"
#include "dialplan_place.h"
#include "json_members.h"
#include "keys.h"
#include "locks.h"
#include "output.h"
#include "session.h"
#include "session_requests.h"
#include "tool_runs.h"
#include "utf8.h"

/* Names of the variables that a subroutine has, and what an argument's begins with. */
#define VARIABLE_NAME "TOOL_NAME"
#define VARIABLE_CALL_ID "TOOL_CALL_ID"
#define VARIABLE_RESULT "TOOL_RESULT"
#define VARIABLE_ERROR "TOOL_ERROR"
#define VARIABLE_ARGUMENT "TOOL_ARG_"

/*
 * For ast_app_exec_sub(). Otherwise it takes a call that is sent elsewhere meanwhile for one that is over, and hangs
 * up. What a subroutine runs notices a hang-up by itself where it looks at the channel.
 */
#define IGNORE_HANGUP 1

/*
 * The dialplan substitutes no more of a variable than this, and sets none to more than that (VAR_BUF_SIZE of pbx.h, and
 * the line of an application's arguments, each with some of it taken by what is around).
 */
#define READ_MAX 4000
#define SET_MAX 8100

/* What the agent is told of a tool that is configured and cannot be run. */
#define NOT_THERE "The tool is not there at the moment."

/* A tool to run. Texts are owned. */
struct tool_run {
	AST_LIST_ENTRY(tool_run) entry;
	enum aic_tool_run run;
	char *id, *name, *parameters;
	char *subroutine; /* NULL: none */
};

static void tool_run_free(struct tool_run *run)
{
	ast_free(run->id);
	ast_free(run->name);
	ast_free(run->parameters);
	ast_free(run->subroutine);
	ast_free(run);
}

void tool_runs_add(struct session *session, const struct aic_event *event)
{
	struct tool_run *run = ast_calloc(1, sizeof(*run));

	if (!run) {
		return;
	}
	run->run = event->tool_call.run;
	run->id = ast_strdup(event->tool_call.id);
	run->name = ast_strdup(event->tool_call.name);
	run->parameters = ast_strdup(event->tool_call.parameters);
	run->subroutine = event->tool_call.place ? ast_strdup(event->tool_call.place) : NULL;
	if (!run->id || !run->name || !run->parameters || (event->tool_call.place && !run->subroutine)) {
		tool_run_free(run);
		return;
	}
	session_lock(session);
	AST_LIST_INSERT_TAIL(&session->tool_runs, run, entry);
	session_unlock(session);
}

void tool_runs_forget(struct session *session, const char *id)
{
	struct tool_run *run;

	session_lock(session);
	AST_LIST_TRAVERSE_SAFE_BEGIN(&session->tool_runs, run, entry) {
		if (!strcmp(run->id, id)) {
			AST_LIST_REMOVE_CURRENT(entry);
			tool_run_free(run);
		}
	}
	AST_LIST_TRAVERSE_SAFE_END;
	session_unlock(session);
}

void tool_runs_clear(struct session *session)
{
	struct tool_run *run;

	while ((run = AST_LIST_REMOVE_HEAD(&session->tool_runs, entry))) {
		tool_run_free(run);
	}
}

static void answer(struct session *session, const struct tool_run *run, const char *result, bool is_error)
{
	if (session_answer_tool(session, run->id, result, is_error)) {
		log_line(LOG_NOTICE, "%s: agent %s: what the tool %s answered came too late, or the conversation was over",
			session_identity(session).id, session_agent(session)->name, run->name);
	}
}

/* --- a subroutine of the dialplan --- */

/* Sets the variables of the subroutine, or, without values, takes them away. */
static void set_variables(struct ast_channel *channel, const struct tool_run *run,
	const struct aic_json_members *arguments, int with_values)
{
	pbx_builtin_setvar_helper(channel, VARIABLE_NAME, with_values ? run->name : NULL);
	pbx_builtin_setvar_helper(channel, VARIABLE_CALL_ID, with_values ? run->id : NULL);
	pbx_builtin_setvar_helper(channel, TOOL_VARIABLE_PARAMETERS, with_values ? run->parameters : NULL);
	pbx_builtin_setvar_helper(channel, VARIABLE_RESULT, with_values ? "" : NULL);
	pbx_builtin_setvar_helper(channel, VARIABLE_ERROR, with_values ? "" : NULL);
	for (size_t i = 0; i < arguments->count; i++) {
		char *value = (char *) arguments->items[i].value, name[128];
		size_t length = strlen(arguments->items[i].name);

		if (is_variable_name(arguments->items[i].name) && strlen(VARIABLE_ARGUMENT) + length < sizeof(name)) {
			snprintf(name, sizeof(name), VARIABLE_ARGUMENT "%s", arguments->items[i].name);
			/* What the dialplan does with it is mostly a line of something: of a log, of a protocol, of a shell. */
			aic_utf8_line(value, strlen(value) + 1, value);
			pbx_builtin_setvar_helper(channel, name, with_values ? value : NULL);
		}
	}
}

/* Runs it and answers with what it leaves in TOOL_RESULT. */
static void run_at(struct session *session, struct ast_channel *channel, const struct tool_run *run,
	const struct dialplan_place *place)
{
	char location[AST_MAX_CONTEXT + AST_MAX_EXTENSION + 16], *result, *error, problem[AIC_JSON_PROBLEM_MAX];
	struct aic_json_members arguments;
	int failed;

	snprintf(location, sizeof(location), "%s,%s,%d", place->context, place->extension, place->priority);
	if (aic_json_members_read(&arguments, run->parameters, problem)) {
		answer(session, run, problem, true);
		aic_json_members_free(&arguments);
		return;
	}
	set_variables(channel, run, &arguments, 1);
	if (strlen(run->parameters) > READ_MAX) {
		log_line(LOG_NOTICE, "%s: the tool %s has arguments of %zu bytes: ${" TOOL_VARIABLE_PARAMETERS "} has the "
			"first %d of them; read each with AICONVAI_TOOL()", ast_channel_name(channel), run->name,
			strlen(run->parameters), READ_MAX);
	}
	/*
	 * No other thread serves the channel meanwhile: what the subroutine runs reads it, as everywhere in the dialplan.
	 */
	failed = ast_app_exec_sub(NULL, channel, location, IGNORE_HANGUP);
	result = channel_variable_copy(channel, VARIABLE_RESULT);
	error = channel_variable_copy(channel, VARIABLE_ERROR);
	set_variables(channel, run, &arguments, 0);
	if (result && strlen(result) > SET_MAX) {
		log_line(LOG_WARNING, "%s: the result of the tool %s has %zu bytes: the dialplan sets a variable to no "
			"more, and what was beyond that is lost", ast_channel_name(channel), run->name, strlen(result));
	}
	if (ast_check_hangup(channel)) {
		/* It is over, or goes on elsewhere; the conversation is closed next. */
		log_line(LOG_DEBUG, "%s: the call ended, or was sent elsewhere, while the tool %s ran",
			ast_channel_name(channel), run->name);
	} else if (failed) {
		/* The log says why: Gosub() may be missing. */
		answer(session, run, NOT_THERE, true);
	} else {
		answer(session, run, S_OR(result, "The tool has no result to tell."), !ast_strlen_zero(error));
	}
	ast_free(result);
	ast_free(error);
	aic_json_members_free(&arguments);
}

static void run_subroutine(struct session *session, struct ast_channel *channel, const struct tool_run *run)
{
	struct dialplan_place place;

	if (dialplan_place_of(run->subroutine, &place) || !ast_exists_extension(channel, place.context, place.extension,
		place.priority, NULL)) {
		log_line(LOG_WARNING, "%s: agent %s: tool_%s = gosub:%s: expected a place in the dialplan, "
			"CONTEXT[,EXTENSION[,PRIORITY]]", session_identity(session).id,
			session_agent(session)->name, run->name, run->subroutine);
		answer(session, run, NOT_THERE, true);
		return;
	}
	run_at(session, channel, run, &place);
}

/* --- keys --- */

static void press_keys(struct session *session, struct ast_channel *channel, const struct tool_run *run)
{
	struct aic_json_members arguments;
	char problem[AIC_JSON_PROBLEM_MAX];
	const char *digits;
	char text[96];

	if (aic_json_members_read(&arguments, run->parameters, problem)) {
		answer(session, run, problem, true);
		aic_json_members_free(&arguments);
		return;
	}
	digits = aic_json_members_find(&arguments, "digits");
	if (!keys_are_valid(digits)) {
		answer(session, run, "The argument digits must be keys: 0 to 9, * and #; w for a pause of half a second.",
			true);
	} else if (strlen(digits) > AIC_KEYS_MAX) {
		snprintf(text, sizeof(text), "No more than %d keys and pauses can be pressed at once; none was.", AIC_KEYS_MAX);
		answer(session, run, text, true);
	} else if (keys_press(session, channel, digits)) {
		answer(session, run, "The keys were pressed.", false);
	}
	/* Otherwise nobody is there to be told. */
	aic_json_members_free(&arguments);
}

int tool_runs_next(struct session *session, struct ast_channel *channel)
{
	struct tool_run *run;

	session_lock(session);
	run = AST_LIST_REMOVE_HEAD(&session->tool_runs, entry);
	session_unlock(session);
	if (!run) {
		return 0;
	}
	if (run->run == AIC_TOOL_GOSUB) {
		run_subroutine(session, channel, run);
	} else {
		press_keys(session, channel, run);
	}
	tool_run_free(run);
	return 1;
}
