/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "option_value.h"

#include "buffer.h"
#include "json_reader.h"
#include "option_report.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_word_of(const char *value, const char *const *words)
{
	for (; *words; words++) {
		if (!strcasecmp(value, *words)) {
			return true;
		}
	}
	return false;
}

/* The words Asterisk itself takes for true and false. */
static int parse_boolean(const char *value, bool *result)
{
	static const char *const true_words[] = {"yes", "true", "y", "t", "1", "on", NULL};
	static const char *const false_words[] = {"no", "false", "n", "f", "0", "off", NULL};

	*result = is_word_of(value, true_words);
	return *result || is_word_of(value, false_words) ? 0 : -1;
}

static int parse_integer(const char *value, int64_t *result)
{
	char *end;
	long long number;

	if (!*value || isspace((unsigned char) *value) || *value == '+') {
		return -1;
	}
	errno = 0;
	number = strtoll(value, &end, 10);
	if (*end || errno) {
		return -1;
	}
	*result = number;
	return 0;
}

/* Digits, and a fraction behind a point: what strtod() takes besides (exponents, hexadecimal, nan) is no setting. */
static int parse_number(const char *value, double *result)
{
	const char *at = *value == '-' ? value + 1 : value;
	size_t digits = strspn(at, "0123456789");
	size_t fraction = 0;

	if (at[digits] == '.') {
		fraction = strspn(at + digits + 1, "0123456789") + 1;
	}
	if (!digits || fraction == 1 || at[digits + fraction]) {
		return -1;
	}
	*result = strtod(value, NULL);
	return 0;
}

static void *field_of(void *settings, const struct aic_option *option)
{
	return (char *) settings + option->offset;
}

static int set_text(char **field, const char *value, size_t length)
{
	char *copy = strndup(value, length);

	if (!copy) {
		return -1;
	}
	free(*field);
	*field = copy;
	return 0;
}

static int list_add(struct aic_string_list *list, const char *value, size_t length)
{
	char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items) {
		return -1;
	}
	list->items = items;
	if (!(items[list->count] = strndup(value, length))) {
		return -1;
	}
	list->count++;
	return 0;
}

static void list_free(struct aic_string_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i]);
	}
	free(list->items);
	*list = (struct aic_string_list) {NULL, 0};
}

/* Up to the next comma that is not within brackets: those are arguments of a function. */
static size_t entry_length(const char *text)
{
	size_t length = 0;
	unsigned int depth = 0;

	for (; text[length] && (text[length] != ',' || depth); length++) {
		if (text[length] == '(') {
			depth++;
		} else if (text[length] == ')' && depth) {
			depth--;
		}
	}
	return length;
}

/* Words separated by commas, surrounding blanks removed, empty ones left out. */
static int set_list(struct aic_string_list *list, const char *value)
{
	list_free(list);
	while (*value) {
		size_t length = entry_length(value);
		const char *end = value + length, *last = end;

		while (value < last && isspace((unsigned char) *value)) {
			value++;
		}
		while (last > value && isspace((unsigned char) last[-1])) {
			last--;
		}
		if (last > value && list_add(list, value, (size_t) (last - value))) {
			return -1;
		}
		value = *end ? end + 1 : end;
	}
	return 0;
}

static bool has_scheme(const char *value, const char *const *schemes)
{
	for (; *schemes; schemes++) {
		size_t length = strlen(*schemes);

		/* A host must follow, and a URL has no blanks. */
		if (!strncasecmp(value, *schemes, length) && !strncmp(value + length, "://", 3) && value[length + 3]
			&& value[length + 3] != '/' && value[length + 3] != ':' && !strpbrk(value, " \t")) {
			return true;
		}
	}
	return false;
}

/* "wss:// or ws://", "elevenlabs or openai" */
static const char *join_words(const char *const *words, const char *suffix, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (const char *const *word = words; *word && used < size; word++) {
		used += (size_t) snprintf(buffer + used, size - used, "%s%s%s", word == words ? "" : " or ", *word, suffix);
	}
	return buffer;
}

static const char *comment_hint(const char *value)
{
	return strchr(value, '#') ? "; comments begin with ';', not '#'" : "";
}

static int check_text_length(struct aic_option_report *report, const struct aic_option_line *line,
	const struct aic_option *option)
{
	int64_t length = (int64_t) strlen(line->value);

	if (option->max && (length < option->min || length > option->max)) {
		aic_option_report_line(report, line, option, "expected %lld to %lld characters, this has %lld; correct it",
			(long long) option->min, (long long) option->max, (long long) length);
		return -1;
	}
	return 0;
}

static bool is_variable_assignment(const char *value)
{
	if (!isalpha((unsigned char) *value) && *value != '_') {
		return false;
	}
	while (isalnum((unsigned char) *value) || *value == '_') {
		value++;
	}
	return *value == '=';
}

static bool has_form(const char *value, const char *const *forms)
{
	for (; forms && *forms; forms++) {
		size_t length = strlen(*forms);

		if ((*forms)[length - 1] == ':' ? !strncmp(value, *forms, length) && value[length] : !strcmp(value, *forms)) {
			return true;
		}
	}
	return !forms;
}

static void report_form(struct aic_option_report *report, const struct aic_option_line *line,
	const struct aic_option *option)
{
	char words[128];

	aic_option_report_line(report, line, option, "expected %s; correct it",
		join_words(option->forms, "", words, sizeof(words)));
}

/* Whether an entry begins like that. */
static bool list_has(const struct aic_string_list *list, const char *beginning, size_t length)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!strncmp(list->items[i], beginning, length)) {
			return true;
		}
	}
	return false;
}

/* Adds one name=value to a list. Returns -1 when memory is short. */
static int add_entry(struct aic_option_report *report, struct aic_string_list *list, const struct aic_option *option,
	const struct aic_option_line *line)
{
	size_t prefix = option->prefix && !strncasecmp(line->name, option->prefix, strlen(option->prefix))
		? strlen(option->prefix) : 0;
	struct aic_buffer entry = {0};
	const char *text, *value;
	int result = 0;

	if ((prefix && (aic_buffer_append(&entry, line->name + prefix, strlen(line->name + prefix))
		|| aic_buffer_append(&entry, "=", 1)))
		|| aic_buffer_append(&entry, line->value, strlen(line->value) + 1)) {
		aic_buffer_free(&entry);
		return -1;
	}
	text = (const char *) entry.bytes;
	value = aic_entry_value(text);
	if (!is_variable_assignment(text)) {
		aic_option_report_line(report, line, option, "expected name=value, the name made of letters, digits and _; "
			"correct it");
	} else if (!has_form(value, option->forms)) {
		report_form(report, line, option);
	} else if (option->prefix && list_has(list, text, (size_t) (value - text))) {
		aic_option_report_line(report, line, option, "expected once, it is there already; remove one");
	} else {
		result = list_add(list, text, strlen(text));
	}
	aic_buffer_free(&entry);
	return result;
}

static bool is_json_object(const char *text)
{
	char nothing_wanted;
	struct aic_json_reader *reader = aic_json_reader_new(NULL, 0, &nothing_wanted, sizeof(nothing_wanted));
	bool good = *text == '{' && reader && !aic_json_reader_feed(reader, text, strlen(text))
		&& !aic_json_reader_finish(reader);

	aic_json_reader_free(reader);
	return good;
}

void aic_option_set(struct aic_option_report *report, void *settings, const struct aic_option *option,
	const struct aic_option_line *line)
{
	void *field = field_of(settings, option);
	const char *value = line->value;
	char words[128];
	int64_t integer;
	double number;
	int result = 0;

	if (!*value) {
		aic_option_report_line(report, line, option, "expected a value, it has none; give one or remove the line");
		return;
	}
	switch (option->type) {
	case AIC_TYPE_BOOLEAN:
		if (parse_boolean(value, field)) {
			aic_option_report_line(report, line, option, "expected yes or no%s", comment_hint(value));
		}
		break;
	case AIC_TYPE_INTEGER:
		if (parse_integer(value, &integer) || integer < option->min || integer > option->max) {
			aic_option_report_line(report, line, option, "expected a whole number from %lld to %lld (%s)%s",
				(long long) option->min, (long long) option->max, option->unit ? option->unit : "",
				comment_hint(value));
		} else {
			*(int32_t *) field = (int32_t) integer;
		}
		break;
	case AIC_TYPE_NUMBER:
		if (parse_number(value, &number) || number < option->number_min || number > option->number_max) {
			aic_option_report_line(report, line, option, "expected a number from %g to %g%s", option->number_min,
				option->number_max, comment_hint(value));
		} else {
			*(double *) field = number;
		}
		break;
	case AIC_TYPE_ENUM:
		for (int i = 0; option->words[i]; i++) {
			if (!strcasecmp(value, option->words[i])) {
				*(int *) field = i;
				return;
			}
		}
		aic_option_report_line(report, line, option, "expected %s; choose one of them",
			join_words(option->words, "", words, sizeof(words)));
		break;
	case AIC_TYPE_URL:
		if (!has_scheme(value, option->words)) {
			aic_option_report_line(report, line, option, "expected a URL that begins with %s and a host; correct it",
				join_words(option->words, "://", words, sizeof(words)));
			break;
		}
		/* fall through */
	case AIC_TYPE_STRING:
	case AIC_TYPE_PATH:
		if (check_text_length(report, line, option)) {
			break;
		}
		if (option->multiple) {
			result = add_entry(report, field, option, line);
		} else if (has_form(value, option->forms)) {
			result = set_text(field, value, strlen(value));
		} else {
			report_form(report, line, option);
		}
		break;
	case AIC_TYPE_JSON:
		if (check_text_length(report, line, option)) {
			break;
		}
		if (is_json_object(value)) {
			result = set_text(field, value, strlen(value));
		} else {
			aic_option_report_line(report, line, option, "expected a JSON object, on one line; correct it");
		}
		break;
	case AIC_TYPE_LIST:
		result = set_list(field, value);
		if (!result && (int64_t) ((struct aic_string_list *) field)->count > option->max) {
			aic_option_report_line(report, line, option, "expected at most %lld entries; remove some",
				(long long) option->max);
		}
		break;
	}
	if (result) {
		aic_option_report_line(report, line, option, "out of memory");
	}
}

void aic_option_copy_plain(void *settings, const void *from, const struct aic_option *option)
{
	void *to = field_of(settings, option);
	const void *field = (const char *) from + option->offset;

	switch (option->type) {
	case AIC_TYPE_BOOLEAN:
		*(bool *) to = *(const bool *) field;
		break;
	case AIC_TYPE_INTEGER:
		*(int32_t *) to = *(const int32_t *) field;
		break;
	case AIC_TYPE_NUMBER:
		*(double *) to = *(const double *) field;
		break;
	case AIC_TYPE_ENUM:
		*(int *) to = *(const int *) field;
		break;
	case AIC_TYPE_STRING:
	case AIC_TYPE_URL:
	case AIC_TYPE_PATH:
	case AIC_TYPE_LIST:
	case AIC_TYPE_JSON:
		break;
	}
}

void aic_option_clear(void *settings, const struct aic_option *option)
{
	void *field = field_of(settings, option);

	switch (option->type) {
	case AIC_TYPE_STRING:
	case AIC_TYPE_URL:
	case AIC_TYPE_PATH:
	case AIC_TYPE_JSON:
		if (!option->multiple) {
			free(*(char **) field);
			*(char **) field = NULL;
			break;
		}
		/* fall through */
	case AIC_TYPE_LIST:
		list_free(field);
		break;
	case AIC_TYPE_BOOLEAN:
	case AIC_TYPE_INTEGER:
	case AIC_TYPE_NUMBER:
	case AIC_TYPE_ENUM:
		break;
	}
}
