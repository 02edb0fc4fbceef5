/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "agents.h"
#include "call_facts.h"
#include "call_variables.h"
#include "locks.h"
#include "output.h"

#include <ctype.h>

/* Longest value that is told, and longest name. */
#define TOLD_VALUE_MAX 4096
#define TOLD_NAME_MAX 128

/* Whether a header's name is one: it becomes an argument of a dialplan function. */
static bool is_header_name(const char *name)
{
	if (!*name) {
		return false;
	}
	for (; *name; name++) {
		if (!isalnum((unsigned char) *name) && !strchr("-_.!%*+`'~", *name)) {
			return false;
		}
	}
	return true;
}

/* Adds the header `name` of the incoming call as sip_NAME, in lower case, with _ for what is no letter or digit. */
static void add_sip_header(struct ast_channel *channel, struct call_variables *variables, const char *name)
{
	char function[256], value[TOLD_VALUE_MAX] = "", variable[160];
	const char *type = ast_channel_tech(channel)->type;
	char *c;

	if (!is_header_name(name)) {
		log_line(LOG_WARNING, "send_sip_headers: '%s' is not the name of a header", name);
		return;
	}
	if (!strcmp(type, "PJSIP")) {
		snprintf(function, sizeof(function), "PJSIP_HEADER(read,%s)", name);
	} else if (!strcmp(type, "SIP")) {
		snprintf(function, sizeof(function), "SIP_HEADER(%s)", name);
	} else {
		return;
	}
	if (ast_func_read(channel, function, value, sizeof(value)) || ast_strlen_zero(value)) {
		return;
	}
	snprintf(variable, sizeof(variable), "sip_%s", name);
	for (c = variable; *c; c++) {
		*c = isalnum((unsigned char) *c) ? (char) tolower((unsigned char) *c) : '_';
	}
	call_variables_add(variables, variable, value);
}

/* The name an entry of send_variables is told under where it gives none: NAME(ARGUMENTS) as NAME_ARGUMENTS, with _ for what is no letter or digit. */
static void name_after(const char *source, char *name, size_t size)
{
	size_t length = 0;

	for (; *source && length < size - 1; source++) {
		if (isalnum((unsigned char) *source) || *source == '_') {
			name[length++] = *source;
		} else if (length && name[length - 1] != '_') {
			name[length++] = '_';
		}
	}
	while (length && name[length - 1] == '_') {
		length--;
	}
	name[length] = '\0';
}

/* Reads what stands between braces in the dialplan: a variable, or a function with its arguments in brackets. */
static int read_source(struct ast_channel *channel, const char *source, char *value, size_t size)
{
	if (strchr(source, '(')) {
		return ast_func_read(channel, source, value, size);
	}
	channel_lock(channel);
	ast_copy_string(value, S_OR(pbx_builtin_getvar_helper(channel, source), ""), size);
	channel_unlock(channel);
	return 0;
}

/*
 * Adds an entry of send_variables, [NAME=]SOURCE. What is not there is told as an empty text: a prompt, or the service, may count on the name.
 */
static void add_source(struct ast_channel *channel, struct call_variables *variables, const char *entry)
{
	size_t name_length = strcspn(entry, "=(");
	char name[TOLD_NAME_MAX], value[TOLD_VALUE_MAX] = "";
	const char *source = entry;

	if (entry[name_length] == '=') {
		ast_copy_string(name, entry, MIN(name_length + 1, sizeof(name)));
		source = entry + name_length + 1;
	} else {
		name_after(entry, name, sizeof(name));
	}
	if (!is_variable_name(name) || !*source) {
		log_line(LOG_WARNING, "send_variables: '%s': expected a variable or FUNCTION(arguments), or NAME= and one of them", entry);
		return;
	}
	if (read_source(channel, source, value, sizeof(value))) {
		/* Why, Asterisk has logged. */
		log_line(LOG_WARNING, "%s: send_variables: '%s' could not be read; the agent is told an empty text", ast_channel_name(channel), source);
		value[0] = '\0';
	}
	call_variables_add(variables, name, value);
}

void call_facts_add(struct ast_channel *channel, const struct agent *agent, struct call_variables *variables)
{
	const struct aic_string_list *headers = &agent->settings.send_sip_headers;
	const struct aic_string_list *sources = &agent->settings.send_variables;
	char caller[AST_MAX_EXTENSION] = "", called[AST_MAX_EXTENSION] = "", id[AST_MAX_PUBLIC_UNIQUEID];

	channel_lock(channel);
	if (ast_channel_caller(channel)->id.number.valid) {
		ast_copy_string(caller, S_OR(ast_channel_caller(channel)->id.number.str, ""), sizeof(caller));
	}
	ast_copy_string(called, S_OR(ast_channel_dialed(channel)->number.str, ast_channel_exten(channel)), sizeof(called));
	ast_copy_string(id, ast_channel_uniqueid(channel), sizeof(id));
	channel_unlock(channel);

	if (agent->settings.send_caller_number) {
		call_variables_add(variables, "caller_number", caller);
	}
	call_variables_add(variables, "called_number", called);
	call_variables_add(variables, "unique_id", id);
	for (size_t i = 0; i < headers->count; i++) {
		add_sip_header(channel, variables, headers->items[i]);
	}
	for (size_t i = 0; i < sources->count; i++) {
		add_source(channel, variables, sources->items[i]);
	}
}
