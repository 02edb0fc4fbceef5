/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/chanvars.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/pbx.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "agents.h"
#include "call_facts.h"
#include "call_variables.h"
#include "locks.h"
#include "output.h"
#include "utf8.h"

#include <ctype.h>

/* Longest value that is told, and longest name. */
#define TOLD_VALUE_MAX 4096
#define TOLD_NAME_MAX 128

/* With what the names of channel variables begin that whoever made the call has set for the agent. */
#define TOLD_PREFIX "AICONVAI_VAR_"

/* Longest number, and what one may have besides letters and digits: some are names, as those of SIP users. */
#define TOLD_NUMBER_MAX 64
#define NUMBER_SIGNS "+*#._-"

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

/* What is a number in it: somebody else may have put anything there, and it becomes a part of prompts. */
static void copy_number(char number[TOLD_NUMBER_MAX], const char *text)
{
	size_t length = 0;

	for (; *text && length < TOLD_NUMBER_MAX - 1; text++) {
		/* Not isalnum(): the locale has no say in it. */
		if (strchr(VARIABLE_NAME_LETTERS NUMBER_SIGNS, *text)) {
			number[length++] = *text;
		}
	}
	number[length] = '\0';
}

/* Reads the header `name` of the call that came in as this channel. Returns whether there is one. */
static bool read_sip_header(struct ast_channel *channel, const char *name, char value[TOLD_VALUE_MAX])
{
	const char *type = ast_channel_tech(channel)->type;
	char function[256];

	value[0] = '\0';
	if (!strcmp(type, "PJSIP")) {
		snprintf(function, sizeof(function), "PJSIP_HEADER(read,%s)", name);
	} else if (!strcmp(type, "SIP")) {
		snprintf(function, sizeof(function), "SIP_HEADER(%s)", name);
	} else {
		return false;
	}
	return !ast_func_read(channel, function, value, TOLD_VALUE_MAX) && value[0];
}

/*
 * The unique id of the channel with which the call came into Asterisk, where that is another one: a queue or a Local
 * channel brought the call here. Returns false where it is this one.
 */
static bool read_origin_id(struct ast_channel *channel, char id[AST_MAX_PUBLIC_UNIQUEID])
{
	bool is_other;

	channel_lock(channel);
	ast_copy_string(id, ast_channel_linkedid(channel), AST_MAX_PUBLIC_UNIQUEID);
	is_other = strcmp(id, ast_channel_uniqueid(channel)) != 0;
	channel_unlock(channel);
	return is_other;
}

/* That channel, with a reference for the caller. NULL: it is this one, or gone. */
static struct ast_channel *origin_of(struct ast_channel *channel)
{
	char id[AST_MAX_PUBLIC_UNIQUEID];

	return read_origin_id(channel, id) && id[0] ? ast_channel_get_by_name(id) : NULL;
}

/*
 * Adds the header `name` of the incoming call as sip_NAME, in lower case, with _ for what is no letter or digit. What
 * is not there is told as an empty text.
 */
static void add_sip_header(struct ast_channel *channel, struct ast_channel *origin, struct call_variables *variables,
	const char *name)
{
	char value[TOLD_VALUE_MAX], variable[160];
	char *c;

	if (!is_header_name(name)) {
		log_line(LOG_WARNING, "send_sip_headers: '%s' is not the name of a header", name);
		return;
	}
	if (!read_sip_header(channel, name, value) && origin) {
		read_sip_header(origin, name, value);
	}
	/* It is a part of prompts, where a line of its own might be taken for an order. */
	aic_utf8_line(value, sizeof(value), value);
	snprintf(variable, sizeof(variable), "sip_%s", name);
	for (c = variable; *c; c++) {
		*c = isalnum((unsigned char) *c) ? (char) tolower((unsigned char) *c) : '_';
	}
	call_variables_add(variables, variable, value);
}

/*
 * The name an entry of send_variables is told under where it gives none: NAME(ARGUMENTS) as NAME_ARGUMENTS, with _ for
 * what is no letter or digit.
 */
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
 * Adds an entry of send_variables, [NAME=]SOURCE. What is not there is told as an empty text: a prompt, or the service,
 * may count on the name.
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
		log_line(LOG_WARNING, "send_variables: '%s': expected a variable or FUNCTION(arguments), or NAME= and one of "
			"them", entry);
		return;
	}
	if (read_source(channel, source, value, sizeof(value))) {
		/* Why, Asterisk has logged. */
		log_line(LOG_WARNING, "%s: send_variables: '%s' could not be read; the agent is told an empty text",
			ast_channel_name(channel), source);
		value[0] = '\0';
	}
	call_variables_add(variables, name, value);
}

/* Adds what was set with the call: AICONVAI_VAR_name is told as name. Nothing in a value can break another one. */
static void add_variables_of_channel(struct ast_channel *channel, struct call_variables *variables)
{
	struct ast_var_t *one;

	channel_lock(channel);
	AST_LIST_TRAVERSE(ast_channel_varshead(channel), one, entries) {
		const char *name = ast_var_name(one);

		if (!strncmp(name, TOLD_PREFIX, strlen(TOLD_PREFIX)) && is_variable_name(name + strlen(TOLD_PREFIX))) {
			call_variables_add(variables, name + strlen(TOLD_PREFIX), S_OR(ast_var_value(one), ""));
		}
	}
	channel_unlock(channel);
}

/* --- numbers --- */

/* The user of a URI: of <sip:200@127.0.0.1> it is 200. */
static void copy_user(char number[TOLD_NUMBER_MAX], char *uri)
{
	char *user = strchr(uri, ':');

	user = user ? user + 1 : uri;
	user[strcspn(user, "@;>")] = '\0';
	copy_number(number, user);
}

/* Who was called with this channel, which Asterisk made to call somebody; empty where the driver does not tell. */
static void read_person_called(struct ast_channel *channel, char number[TOLD_NUMBER_MAX])
{
	const char *type = ast_channel_tech(channel)->type;
	char text[AST_CHANNEL_NAME] = "";

	number[0] = '\0';
	if (!strcmp(type, "PJSIP") && !ast_func_read(channel, "CHANNEL(pjsip,remote_uri)", text, sizeof(text))) {
		copy_user(number, text);
	} else if (!strcmp(type, "Local")) {
		channel_lock(channel);
		/* Local/200@context-00000001;1 */
		ast_copy_string(text, ast_channel_name(channel) + strlen("Local/"), sizeof(text));
		channel_unlock(channel);
		copy_user(number, text);
	}
}

/* What the caller dialled, as far as the channel knows. */
static void read_number_dialled(struct ast_channel *channel, char number[TOLD_NUMBER_MAX])
{
	channel_lock(channel);
	copy_number(number, S_OR(ast_channel_dialed(channel)->number.str, ast_channel_exten(channel)));
	channel_unlock(channel);
}

/*
 * The same of the call that came into Asterisk and was brought here by a queue or a Local channel; nothing is written
 * where it is this one, or gone. From Asterisk's cache: to have the channel itself all channels would be looked
 * through.
 */
static void read_number_dialled_before(struct ast_channel *channel, char number[TOLD_NUMBER_MAX])
{
	char id[AST_MAX_PUBLIC_UNIQUEID];
	struct ast_channel_snapshot *snapshot;
	struct ast_json *json;
	const char *extension;

	if (!read_origin_id(channel, id) || !(snapshot = ast_channel_snapshot_get_latest(id))) {
		return;
	}
	json = ast_channel_snapshot_to_json(snapshot, NULL);
	extension = json ? ast_json_string_get(ast_json_object_get(ast_json_object_get(json, "dialplan"), "exten")) : NULL;
	if (!ast_strlen_zero(extension)) {
		copy_number(number, extension);
	}
	ast_json_unref(json);
	ao2_ref(snapshot, -1);
}

static void add_numbers(struct ast_channel *channel, const struct agent *agent, struct call_variables *variables)
{
	char caller[TOLD_NUMBER_MAX] = "", called[TOLD_NUMBER_MAX], dialled[TOLD_NUMBER_MAX];
	bool is_outbound;

	channel_lock(channel);
	if (ast_channel_caller(channel)->id.number.valid) {
		copy_number(caller, S_OR(ast_channel_caller(channel)->id.number.str, ""));
	}
	is_outbound = ast_test_flag(ast_channel_flags(channel), AST_FLAG_OUTGOING) != 0;
	channel_unlock(channel);
	read_number_dialled(channel, called);
	if (is_outbound) {
		read_person_called(channel, dialled);
	} else {
		ast_copy_string(dialled, called, sizeof(dialled));
		read_number_dialled_before(channel, dialled);
	}
	if (agent->settings.send_caller_number) {
		call_variables_add(variables, "caller_number", caller);
	}
	call_variables_add(variables, "called_number", called);
	call_variables_add(variables, "dialed_number", dialled);
}

void call_facts_add(struct ast_channel *channel, const struct agent *agent, struct call_variables *variables)
{
	const struct aic_string_list *headers = &agent->settings.send_sip_headers;
	const struct aic_string_list *sources = &agent->settings.send_variables;
	struct ast_channel *origin = headers->count ? origin_of(channel) : NULL;
	char id[AST_MAX_PUBLIC_UNIQUEID];

	channel_lock(channel);
	ast_copy_string(id, ast_channel_uniqueid(channel), sizeof(id));
	channel_unlock(channel);
	add_numbers(channel, agent, variables);
	call_variables_add(variables, "unique_id", id);
	for (size_t i = 0; i < headers->count; i++) {
		add_sip_header(channel, origin, variables, headers->items[i]);
	}
	if (origin) {
		ast_channel_unref(origin);
	}
	for (size_t i = 0; i < sources->count; i++) {
		add_source(channel, variables, sources->items[i]);
	}
	add_variables_of_channel(channel, variables);
}
