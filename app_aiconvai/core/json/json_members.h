/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A small JSON object as a list of names and values, such as the arguments of a tool.
 */
#ifndef AIC_JSON_MEMBERS_H
#define AIC_JSON_MEMBERS_H

#include "variable.h"

#include <stdbool.h>
#include <stddef.h>

/* Length of a sentence that says what is wrong with a text, terminator included. */
#define AIC_JSON_PROBLEM_MAX 160

struct aic_json_members {
	struct aic_variable *items; /* owned, texts too */
	size_t count;
};

/*
 * Reads the members that are a text, a number or a boolean; numbers are as they are written. An empty text and null
 * have none. Returns 0, or -1 with a sentence in `problem`, made for who wrote the text: it is no JSON object, it goes
 * beyond a limit, memory is short. Free with aic_json_members_free() either way.
 */
int aic_json_members_read(struct aic_json_members *members, const char *json, char problem[AIC_JSON_PROBLEM_MAX]);
void aic_json_members_free(struct aic_json_members *members);

/* The value of the member of that name, NULL: there is none. */
const char *aic_json_members_find(const struct aic_json_members *members, const char *name);

/* Whether a text is JSON that this module takes, of any type. Returns 0, or -1 as above. */
int aic_json_check(const char *json, char problem[AIC_JSON_PROBLEM_MAX]);

#endif
