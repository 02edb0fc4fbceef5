/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "options.h"

#define AIC_OPTIONS_TABLE_IMPLEMENTATION
#include "options_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A secret this short would be given away by its last four characters. */
#define MASK_SHOWS_FROM 12

/* A name longer than this is near to none: looking for one would take as long as it is. */
#define NEAR_NAME_MAX 120

_Static_assert(sizeof(option_table) / sizeof(option_table[0]) == AIC_OPTION_COUNT,
	"the table has as many options as it says");

size_t aic_entry_name_length(const char *entry)
{
	return strcspn(entry, "=");
}

const char *aic_entry_value(const char *entry)
{
	return entry + aic_entry_name_length(entry) + 1;
}

const char *aic_entry_find(const struct aic_string_list *entries, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < entries->count; i++) {
		if (!strncasecmp(entries->items[i], name, length) && entries->items[i][length] == '=') {
			return entries->items[i];
		}
	}
	return NULL;
}

const struct aic_option *aic_options(size_t *count)
{
	*count = AIC_OPTION_COUNT;
	return option_table;
}

const struct aic_option_rule *aic_option_rules(size_t *count)
{
	*count = sizeof(option_rules) / sizeof(option_rules[0]);
	return option_rules;
}

static bool has_name(const struct aic_option *option, const char *name)
{
	if (!strcasecmp(option->name, name)) {
		return true;
	}
	for (const char *const *alias = option->aliases; alias && *alias; alias++) {
		if (!strcasecmp(*alias, name)) {
			return true;
		}
	}
	return false;
}

const struct aic_option *aic_option_find(const char *name)
{
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		if (has_name(&option_table[i], name)) {
			return &option_table[i];
		}
	}
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		const char *prefix = option_table[i].prefix;

		if (prefix && !strncasecmp(name, prefix, strlen(prefix)) && name[strlen(prefix)]) {
			return &option_table[i];
		}
	}
	return NULL;
}

/* Levenshtein's distance, upper and lower case alike; names longer than the table's longest are far from all. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[80], length = strlen(b);

	if (length >= sizeof(row) / sizeof(row[0])) {
		return length;
	}
	for (size_t j = 0; j <= length; j++) {
		row[j] = j;
	}
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];
			size_t best = diagonal + (tolower((unsigned char) a[i - 1]) != tolower((unsigned char) b[j - 1]));

			if (above + 1 < best) {
				best = above + 1;
			}
			if (row[j - 1] + 1 < best) {
				best = row[j - 1] + 1;
			}
			diagonal = above;
			row[j] = best;
		}
	}
	return row[length];
}

const char *aic_option_nearest_name(const char *name)
{
	size_t best = strlen(name) / 3 + 1;
	const char *nearest = NULL;

	if (strlen(name) > NEAR_NAME_MAX) {
		return NULL;
	}
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		const char *own[] = {option_table[i].name, NULL};
		const char *const *lists[] = {own, option_table[i].aliases};

		for (size_t l = 0; l < 2; l++) {
			for (const char *const *known = lists[l]; known && *known; known++) {
				size_t distance = edit_distance(name, *known);

				if (distance < best) {
					best = distance;
					nearest = *known;
				}
			}
		}
	}
	return nearest;
}

const char *aic_mask_secret(const char *secret, char *buffer, size_t size)
{
	size_t length = strlen(secret);

	snprintf(buffer, size, "****%s", length >= MASK_SHOWS_FROM ? secret + length - 4 : "");
	return buffer;
}
