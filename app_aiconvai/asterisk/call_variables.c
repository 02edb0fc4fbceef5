/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/logger.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call_variables.h"
#include "output.h"

void call_variables_add(struct call_variables *variables, const char *name, const char *value)
{
	struct aic_variable variable = {ast_strdup(name), ast_strdup(value)};

	if (!variable.name || !variable.value || variables->count == CALL_VARIABLES_MAX) {
		ast_free((char *) variable.name);
		ast_free((char *) variable.value);
		log_line(LOG_WARNING, "The variable %s is not told to the agent: more than %d, or out of memory", name,
			CALL_VARIABLES_MAX);
		return;
	}
	variables->list[variables->count++] = variable;
}

bool is_variable_name(const char *name)
{
	return *name && name[strspn(name, VARIABLE_NAME_LETTERS)] == '\0';
}

/* Whether a pair begins here: the dialplan may have put any text into the value of the one before. */
static bool begins_pair(const char *text)
{
	size_t length = strspn(text, VARIABLE_NAME_LETTERS);

	return length && text[length] == '=';
}

/* The end of the pair that begins here: an & that another one follows, or nothing. */
static char *end_of_pair(char *text)
{
	char *end = strchr(text, '&');

	while (end && end[1] && !begins_pair(end + 1)) {
		end = strchr(end + 1, '&');
	}
	return end;
}

const char *call_variables_add_pairs(struct call_variables *variables, char *text)
{
	while (text && *text) {
		char *end = end_of_pair(text), *value = strchr(text, '=');

		if (end) {
			*end = '\0';
		}
		if (*text && !begins_pair(text)) {
			return text;
		}
		if (*text) {
			*value++ = '\0';
			call_variables_add(variables, text, value);
		}
		text = end ? end + 1 : NULL;
	}
	return NULL;
}

void call_variables_free(struct call_variables *variables)
{
	while (variables->count) {
		variables->count--;
		ast_free((char *) variables->list[variables->count].name);
		ast_free((char *) variables->list[variables->count].value);
	}
}
