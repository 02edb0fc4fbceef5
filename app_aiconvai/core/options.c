/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "options.h"

#include "buffer.h"
#include "json_reader.h"

#define AIC_OPTIONS_TABLE_IMPLEMENTATION
#include "options_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTION_COUNT (sizeof(aic_option_table) / sizeof(aic_option_table[0]))

/* A secret this short would be given away by its last four characters. */
#define MASK_SHOWS_FROM 12

#define PROBLEM_MAX 1024

/* Where a problem is, and where to report it. */
struct report {
	const char *section;
	aic_problem_fn problem;
	void *user;
	int count;
};

size_t aic_entry_name_length(const char *entry)
{
	return strcspn(entry, "=");
}

const char *aic_entry_value(const char *entry)
{
	return entry + aic_entry_name_length(entry) + 1;
}

const struct aic_option *aic_options(size_t *count)
{
	*count = OPTION_COUNT;
	return aic_option_table;
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
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (has_name(&aic_option_table[i], name)) {
			return &aic_option_table[i];
		}
	}
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *prefix = aic_option_table[i].prefix;

		if (prefix && !strncasecmp(name, prefix, strlen(prefix)) && name[strlen(prefix)]) {
			return &aic_option_table[i];
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

/* The known name nearest to an unknown one, NULL if none is near. */
static const char *nearest_name(const char *name)
{
	size_t best = strlen(name) / 3 + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *own[] = {aic_option_table[i].name, NULL};
		const char *const *lists[] = {own, aic_option_table[i].aliases};

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

/* Reports a problem of one line. `option` is NULL for an unknown name, whose value may be a mistyped key's secret. */
__attribute__((format(printf, 4, 5)))
static void report_line(struct report *report, const struct aic_option_line *line, const struct aic_option *option, const char *format, ...)
{
	char text[PROBLEM_MAX], masked[32], expected[PROBLEM_MAX / 2];
	const char *value = line->value;
	va_list args;

	if (!option || option->secret) {
		value = *value ? aic_mask_secret(value, masked, sizeof(masked)) : "";
	}
	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s:%d: [%s] %s = %.200s: %s", line->file, line->line, report->section, line->name, value, expected);
	report->problem(report->user, text);
	report->count++;
}

/* Reports a problem of the section as a whole. */
static void report_section(struct report *report, const struct aic_option_line *lines, size_t count, const char *problem)
{
	char text[PROBLEM_MAX];

	if (count) {
		snprintf(text, sizeof(text), "%s:%d: [%s]: %s", lines[0].file, lines[0].line, report->section, problem);
	} else {
		snprintf(text, sizeof(text), "[%s]: %s", report->section, problem);
	}
	report->problem(report->user, text);
	report->count++;
}

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

/* `settings` is the struct that the option's scope belongs to. */
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

/* Words separated by commas, surrounding blanks removed, empty ones left out. */
static int set_list(struct aic_string_list *list, const char *value)
{
	list_free(list);
	while (*value) {
		size_t length = strcspn(value, ",");
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

static int check_text_length(struct report *report, const struct aic_option_line *line, const struct aic_option *option)
{
	int64_t length = (int64_t) strlen(line->value);

	if (option->max && (length < option->min || length > option->max)) {
		report_line(report, line, option, "expected %lld to %lld characters, this has %lld; correct it",
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
static int add_entry(struct report *report, struct aic_string_list *list, const struct aic_option *option, const struct aic_option_line *line)
{
	size_t prefix = option->prefix && !strncasecmp(line->name, option->prefix, strlen(option->prefix)) ? strlen(option->prefix) : 0;
	struct aic_buffer entry = {0};
	const char *text, *value;
	char words[128];
	int result = 0;

	if ((prefix && (aic_buffer_append(&entry, line->name + prefix, strlen(line->name + prefix)) || aic_buffer_append(&entry, "=", 1)))
		|| aic_buffer_append(&entry, line->value, strlen(line->value) + 1)) {
		aic_buffer_free(&entry);
		return -1;
	}
	text = (const char *) entry.bytes;
	value = aic_entry_value(text);
	if (!is_variable_assignment(text)) {
		report_line(report, line, option, "expected name=value, the name made of letters, digits and _; correct it");
	} else if (!has_form(value, option->forms)) {
		report_line(report, line, option, "expected %s; correct it", join_words(option->forms, "", words, sizeof(words)));
	} else if (option->prefix && list_has(list, text, (size_t) (value - text))) {
		report_line(report, line, option, "expected once, it is there already; remove one");
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
	bool good = *text == '{' && reader && !aic_json_reader_feed(reader, text, strlen(text)) && !aic_json_reader_finish(reader);

	aic_json_reader_free(reader);
	return good;
}

/* Reads one value into its field. Reports what is wrong with it. */
static void set_option(struct report *report, void *settings, const struct aic_option *option, const struct aic_option_line *line)
{
	void *field = field_of(settings, option);
	const char *value = line->value;
	char words[128];
	int64_t integer;
	double number;
	int result = 0;

	if (!*value) {
		report_line(report, line, option, "expected a value, it has none; give one or remove the line");
		return;
	}
	switch (option->type) {
	case AIC_TYPE_BOOLEAN:
		if (parse_boolean(value, field)) {
			report_line(report, line, option, "expected yes or no%s", comment_hint(value));
		}
		break;
	case AIC_TYPE_INTEGER:
		if (parse_integer(value, &integer) || integer < option->min || integer > option->max) {
			report_line(report, line, option, "expected a whole number from %lld to %lld (%s)%s", (long long) option->min,
				(long long) option->max, option->unit ? option->unit : "", comment_hint(value));
		} else {
			*(int32_t *) field = (int32_t) integer;
		}
		break;
	case AIC_TYPE_NUMBER:
		if (parse_number(value, &number) || number < option->number_min || number > option->number_max) {
			report_line(report, line, option, "expected a number from %g to %g%s", option->number_min, option->number_max, comment_hint(value));
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
		report_line(report, line, option, "expected %s; choose one of them", join_words(option->words, "", words, sizeof(words)));
		break;
	case AIC_TYPE_URL:
		if (!has_scheme(value, option->words)) {
			report_line(report, line, option, "expected a URL that begins with %s and a host; correct it",
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
		} else {
			result = set_text(field, value, strlen(value));
		}
		break;
	case AIC_TYPE_JSON:
		if (check_text_length(report, line, option)) {
			break;
		}
		if (is_json_object(value)) {
			result = set_text(field, value, strlen(value));
		} else {
			report_line(report, line, option, "expected a JSON object, on one line; correct it");
		}
		break;
	case AIC_TYPE_LIST:
		result = set_list(field, value);
		if (!result && (int64_t) ((struct aic_string_list *) field)->count > option->max) {
			report_line(report, line, option, "expected at most %lld entries; remove some", (long long) option->max);
		}
		break;
	}
	if (result) {
		report_line(report, line, option, "out of memory");
	}
}

enum aic_option_scope aic_section_scope(const char *section, const char **name)
{
	static const struct {
		const char *prefix;
		enum aic_option_scope scope;
	} kinds[] = {{"tool-", AIC_SCOPE_TOOL}, {"prompt-", AIC_SCOPE_PROMPT}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (!strncasecmp(section, kinds[i].prefix, length)) {
			if (name) {
				*name = section + length;
			}
			return kinds[i].scope;
		}
	}
	if (name) {
		*name = section;
	}
	return strcasecmp(section, "general") ? AIC_SCOPE_AGENT : AIC_SCOPE_GENERAL;
}

/* The one of the scopes whose struct an option's field is in. */
static enum aic_option_scope struct_scope(enum aic_option_scope scope)
{
	return scope == AIC_SCOPE_GENERAL || scope == AIC_SCOPE_BOTH ? AIC_SCOPE_AGENT : scope;
}

static bool may_stand_in(enum aic_option_scope option, enum aic_option_scope section)
{
	return option == section || (option == AIC_SCOPE_BOTH && struct_scope(section) == AIC_SCOPE_AGENT);
}

/* Notes in `first_line` (one for every option, 0) on which line each option is set. */
static void read_lines(struct report *report, void *settings, enum aic_option_scope scope, const struct aic_option_line *lines, size_t count,
	int *first_line)
{
	static const char *const places[] = {
		[AIC_SCOPE_GENERAL] = "in [general]",
		[AIC_SCOPE_AGENT] = "in an agent's section",
		[AIC_SCOPE_BOTH] = "in [general] or an agent's section",
		[AIC_SCOPE_TOOL] = "in a section [tool-NAME]",
		[AIC_SCOPE_PROMPT] = "in a section [prompt-NAME]",
	};

	for (size_t i = 0; i < count; i++) {
		const struct aic_option_line *line = &lines[i];
		const struct aic_option *option = aic_option_find(line->name);

		if (!option) {
			const char *nearest = nearest_name(line->name);

			report_line(report, line, NULL, "expected a known option; %s%s%s", nearest ? "did you mean " : "remove it or see docs/reference/options.md",
				nearest ? nearest : "", nearest ? "?" : "");
		} else if (!may_stand_in(option->scope, scope)) {
			report_line(report, line, option, "expected %s; move it there", places[option->scope]);
		} else if (first_line[option - aic_option_table] && !option->multiple) {
			report_line(report, line, option, "expected once, line %d sets it already; remove one", first_line[option - aic_option_table]);
		} else {
			first_line[option - aic_option_table] = line->line ? line->line : 1;
			set_option(report, settings, option, line);
		}
	}
}

/* Copies the value of every option that [general] may set for all agents. All of them are plain values. */
static void inherit_general(struct aic_settings *settings, const struct aic_settings *general)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct aic_option *option = &aic_option_table[i];
		const char *from = (const char *) general + option->offset;
		char *to = (char *) settings + option->offset;

		if (option->scope == AIC_SCOPE_BOTH && option->type == AIC_TYPE_BOOLEAN) {
			*(bool *) to = *(const bool *) from;
		} else if (option->scope == AIC_SCOPE_BOTH && option->type == AIC_TYPE_INTEGER) {
			*(int32_t *) (void *) to = *(const int32_t *) (const void *) from;
		} else if (option->scope == AIC_SCOPE_BOTH && option->type == AIC_TYPE_NUMBER) {
			*(double *) (void *) to = *(const double *) (const void *) from;
		}
	}
}

static void set_default(struct report *report, void *settings, const struct aic_option *option, const char *value)
{
	struct aic_option_line line = {"configs/options.json", 0, option->name, value};

	if (value) {
		set_option(report, settings, option, &line);
	}
}

static void ignore_problem(void *user, const char *problem)
{
	(void) user;
	(void) problem;
}

static void free_fields(void *settings, enum aic_option_scope scope)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct aic_option *option = &aic_option_table[i];
		void *field = field_of(settings, option);

		if (struct_scope(option->scope) != scope) {
			continue;
		}
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
}

/* Sets the defaults of the options in the struct of that scope, which is zeros. Returns 0, or -1 when memory is short. */
static int set_defaults(void *settings, enum aic_option_scope scope)
{
	struct report report = {"defaults", ignore_problem, NULL, 0};

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (struct_scope(aic_option_table[i].scope) == scope) {
			set_default(&report, settings, &aic_option_table[i], aic_option_table[i].default_value);
		}
	}
	/* The table is checked when it is generated, so that what can fail here is memory. */
	if (report.count) {
		free_fields(settings, scope);
		return -1;
	}
	return 0;
}

int aic_settings_init(struct aic_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	return set_defaults(settings, AIC_SCOPE_AGENT);
}

void aic_settings_free(struct aic_settings *settings)
{
	free_fields(settings, AIC_SCOPE_AGENT);
}

int aic_tool_settings_init(struct aic_tool_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	return set_defaults(settings, AIC_SCOPE_TOOL);
}

void aic_tool_settings_free(struct aic_tool_settings *settings)
{
	free_fields(settings, AIC_SCOPE_TOOL);
}

int aic_prompt_settings_init(struct aic_prompt_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	return set_defaults(settings, AIC_SCOPE_PROMPT);
}

void aic_prompt_settings_free(struct aic_prompt_settings *settings)
{
	free_fields(settings, AIC_SCOPE_PROMPT);
}

static const char *provider_name(enum aic_option_provider provider)
{
	return aic_option_find("provider")->words[provider];
}

/* An option that the agent's provider does not know is a mistake: nobody would notice that it does nothing. */
static void check_providers(struct report *report, enum aic_option_provider provider, const struct aic_option_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct aic_option *option = aic_option_find(lines[i].name);

		if (option && option->providers && !(option->providers & (1u << provider))) {
			report_line(report, &lines[i], option, "expected with another provider, this agent's is %s; remove it or change the provider",
				provider_name(provider));
		}
	}
}

static void set_provider_defaults(struct report *report, struct aic_settings *settings, const int *first_line)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct aic_provider_default *one = aic_option_table[i].provider_defaults;

		for (; one && one->value && !first_line[i]; one++) {
			if (one->provider == settings->provider) {
				set_default(report, settings, &aic_option_table[i], one->value);
			}
		}
	}
}

static bool is_given(const char *name, const int *first_line)
{
	return first_line[aic_option_find(name) - aic_option_table] != 0;
}

static void check_rules(struct report *report, enum aic_option_provider provider, const int *first_line, const struct aic_option_line *lines,
	size_t count)
{
	for (size_t i = 0; i < sizeof(aic_option_rules) / sizeof(aic_option_rules[0]); i++) {
		const struct aic_option_rule *rule = &aic_option_rules[i];
		const char *const *aliases = aic_option_find(rule->needs)->aliases;
		char text[PROBLEM_MAX / 2];

		if (rule->provider != provider || (rule->with && !is_given(rule->with, first_line))
			|| (rule->unless && is_given(rule->unless, first_line)) || is_given(rule->needs, first_line)) {
			continue;
		}
		snprintf(text, sizeof(text), "expected %s%s%s%s%s%s; %s", rule->needs, aliases ? " (" : "", aliases ? aliases[0] : "", aliases ? ")" : "",
			rule->with ? " beside " : "", rule->with ? rule->with : "", rule->advice);
		report_section(report, lines, count, text);
	}
}

/* Reads a section in which each line is judged by itself. */
static int read_section(void *settings, enum aic_option_scope scope, const char *section, const struct aic_option_line *lines, size_t count,
	aic_problem_fn problem, void *user)
{
	struct report report = {section, problem, user, 0};
	int first_line[OPTION_COUNT] = {0};

	read_lines(&report, settings, scope, lines, count, first_line);
	return report.count;
}

int aic_settings_read_general(struct aic_settings *settings, const struct aic_option_line *lines, size_t count,
	aic_problem_fn problem, void *user)
{
	return read_section(settings, AIC_SCOPE_GENERAL, "general", lines, count, problem, user);
}

int aic_tool_settings_read(struct aic_tool_settings *settings, const char *section, const struct aic_option_line *lines, size_t count,
	aic_problem_fn problem, void *user)
{
	return read_section(settings, AIC_SCOPE_TOOL, section, lines, count, problem, user);
}

int aic_prompt_settings_read(struct aic_prompt_settings *settings, const char *section, const struct aic_option_line *lines, size_t count,
	aic_problem_fn problem, void *user)
{
	return read_section(settings, AIC_SCOPE_PROMPT, section, lines, count, problem, user);
}

int aic_settings_read_agent(struct aic_settings *settings, const struct aic_settings *general, const char *name,
	const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user)
{
	struct report report = {name, problem, user, 0};
	int first_line[OPTION_COUNT] = {0};

	inherit_general(settings, general);
	read_lines(&report, settings, AIC_SCOPE_AGENT, lines, count, first_line);
	/* What does not fit together is only worth saying when each line by itself is right. */
	if (!report.count) {
		check_providers(&report, settings->provider, lines, count);
		check_rules(&report, settings->provider, first_line, lines, count);
		set_provider_defaults(&report, settings, first_line);
	}
	return report.count;
}
