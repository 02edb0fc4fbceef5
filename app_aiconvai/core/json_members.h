/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A small JSON object as a list of names and values, such as the arguments of a tool.
 */
#ifndef AIC_JSON_MEMBERS_H
#define AIC_JSON_MEMBERS_H

#include "provider.h"

struct aic_json_members {
	struct aic_variable *items; /* owned, texts too */
	size_t count;
};

/*
 * Reads the members that are a text, a number or a boolean; numbers are as they are written. What is no object has none. Returns 0, or -1 when memory is
 * short. Free with aic_json_members_free() either way.
 */
int aic_json_members_read(struct aic_json_members *members, const char *json);
void aic_json_members_free(struct aic_json_members *members);

/* The value of the member of that name, NULL: there is none. */
const char *aic_json_members_find(const struct aic_json_members *members, const char *name);

#endif
