/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "json_members.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

/* NULL: nothing that is a text by itself. */
static const char *text_of(yajl_val value)
{
	if (YAJL_IS_STRING(value)) {
		return YAJL_GET_STRING(value);
	}
	if (YAJL_IS_NUMBER(value)) {
		return YAJL_GET_NUMBER(value);
	}
	return YAJL_IS_TRUE(value) ? "true" : YAJL_IS_FALSE(value) ? "false" : NULL;
}

static int add(struct aic_json_members *members, const char *name, const char *value)
{
	struct aic_variable copy = {strdup(name), strdup(value)};

	members->items[members->count++] = copy;
	return copy.name && copy.value ? 0 : -1;
}

int aic_json_members_read(struct aic_json_members *members, const char *json)
{
	yajl_val tree = yajl_tree_parse(json, NULL, 0);
	size_t length = YAJL_IS_OBJECT(tree) ? YAJL_GET_OBJECT(tree)->len : 0;
	int result = 0;

	members->count = 0;
	members->items = calloc(length + 1, sizeof(*members->items));
	if (!members->items) {
		result = -1;
	}
	for (size_t i = 0; !result && i < length; i++) {
		const char *value = text_of(YAJL_GET_OBJECT(tree)->values[i]);

		if (value) {
			result = add(members, YAJL_GET_OBJECT(tree)->keys[i], value);
		}
	}
	yajl_tree_free(tree);
	return result;
}

void aic_json_members_free(struct aic_json_members *members)
{
	for (size_t i = 0; i < members->count; i++) {
		free((char *) members->items[i].name);
		free((char *) members->items[i].value);
	}
	free(members->items);
	*members = (struct aic_json_members) {NULL, 0};
}

const char *aic_json_members_find(const struct aic_json_members *members, const char *name)
{
	for (size_t i = 0; i < members->count; i++) {
		if (!strcmp(members->items[i].name, name)) {
			return members->items[i].value;
		}
	}
	return NULL;
}
