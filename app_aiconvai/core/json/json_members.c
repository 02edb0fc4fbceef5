/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "json_members.h"

#include "json_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct aic_json_field fields[] = {{"*", AIC_JSON_OBJECT, 0}};

/* Reads all of a text. Returns 0, or -1 with a sentence in `problem`. */
static int read_all(struct aic_json_reader *reader, const char *json, char *problem)
{
	if (!reader) {
		snprintf(problem, AIC_JSON_PROBLEM_MAX, "Out of memory.");
		return -1;
	}
	if (aic_json_reader_feed(reader, json, strlen(json)) || aic_json_reader_finish(reader)) {
		snprintf(problem, AIC_JSON_PROBLEM_MAX, "The arguments were not understood: %s. Call the tool again with "
			"others.", aic_json_reader_error(reader));
		return -1;
	}
	return 0;
}

static bool is_blank(const char *json)
{
	return !json[strspn(json, " \t\r\n")];
}

/* Returns -1 when memory is short. */
static int copy_members(struct aic_json_members *members, const struct aic_json_object *object)
{
	if (!(members->items = calloc(object->count + 1, sizeof(*members->items)))) {
		return -1;
	}
	for (const struct aic_json_member *member = object->first; member; member = member->next) {
		struct aic_variable copy = {strdup(member->name.bytes), strdup(member->value.bytes)};

		members->items[members->count++] = copy;
		if (!copy.name || !copy.value) {
			return -1;
		}
	}
	return 0;
}

int aic_json_members_read(struct aic_json_members *members, const char *json, char problem[AIC_JSON_PROBLEM_MAX])
{
	char first = json[strspn(json, " \t\r\n")];
	struct aic_json_reader *reader;
	struct aic_json_object object;
	int result;

	*members = (struct aic_json_members) {NULL, 0};
	if (is_blank(json)) {
		return 0;
	}
	reader = aic_json_reader_new(fields, 1, &object, sizeof(object));
	result = read_all(reader, json, problem);
	if (!result && first != '{' && first != 'n') {
		snprintf(problem, AIC_JSON_PROBLEM_MAX, "The arguments must be a JSON object. Call the tool again with one.");
		result = -1;
	} else if (!result && copy_members(members, &object)) {
		snprintf(problem, AIC_JSON_PROBLEM_MAX, "Out of memory.");
		result = -1;
	}
	aic_json_reader_free(reader);
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

int aic_json_check(const char *json, char problem[AIC_JSON_PROBLEM_MAX])
{
	struct aic_json_reader *reader;
	char nothing_wanted;
	int result;

	if (is_blank(json)) {
		return 0;
	}
	reader = aic_json_reader_new(NULL, 0, &nothing_wanted, sizeof(nothing_wanted));
	result = read_all(reader, json, problem);
	aic_json_reader_free(reader);
	return result;
}
