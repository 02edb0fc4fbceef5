/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What an agent is told about a call: dynamic variables, and the values of placeholders.
 */
#ifndef AIC_CALL_VARIABLES_H
#define AIC_CALL_VARIABLES_H

#include "provider.h"

/* What a variable's name in the dialplan may be made of. */
#define VARIABLE_NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* Most of one call: v(), what the options add, and the fixed ones. */
#define CALL_VARIABLES_MAX 64

struct call_variables {
	struct aic_variable list[CALL_VARIABLES_MAX]; /* texts are owned */
	size_t count;
};

/* Adds a copy. One too many is left out, with a warning in the log. */
void call_variables_add(struct call_variables *variables, const char *name, const char *value);

/* Whether it is made of letters, digits and _, and may be a part of a variable's name in the dialplan. */
bool is_variable_name(const char *name);

/*
 * Adds "name=value&name=value", which is changed; NULL: none. A & that no name and = follow belongs to the value.
 * Returns NULL, or the part that is of another form.
 */
const char *call_variables_add_pairs(struct call_variables *variables, char *text);

void call_variables_free(struct call_variables *variables);

#endif
