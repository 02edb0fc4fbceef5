/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/logger.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call_variables.h"
#include "lines.h"

void call_variables_add(struct call_variables *variables, const char *name, const char *value)
{
	struct aic_variable variable = {ast_strdup(name), ast_strdup(value)};

	if (!variable.name || !variable.value || variables->count == CALL_VARIABLES_MAX) {
		ast_free((char *) variable.name);
		ast_free((char *) variable.value);
		log_line(LOG_WARNING, "The variable %s is not told to the agent: more than %d, or out of memory", name, CALL_VARIABLES_MAX);
		return;
	}
	variables->list[variables->count++] = variable;
}

const char *call_variables_add_pairs(struct call_variables *variables, char *text)
{
	char *pair;

	while ((pair = strsep(&text, "&"))) {
		char *value = strchr(pair, '=');

		if (ast_strlen_zero(pair)) {
			continue;
		}
		if (!value || value == pair) {
			return pair;
		}
		*value++ = '\0';
		call_variables_add(variables, pair, value);
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
