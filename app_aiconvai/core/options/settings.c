/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "settings.h"

#include "option_report.h"
#include "option_value.h"

#include <string.h>
#include <strings.h>

/* A section while it is read. */
struct reading {
	struct aic_option_report report;
	int first_line[AIC_OPTION_COUNT]; /* on which line each option is set; 0: on none */
};

static const struct aic_option *option_at(size_t i)
{
	size_t count;

	return &aic_options(&count)[i];
}

static int *first_line_of(struct reading *reading, const struct aic_option *option)
{
	return &reading->first_line[option - option_at(0)];
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

static void read_lines(struct reading *reading, void *settings, enum aic_option_scope scope,
	const struct aic_option_line *lines, size_t count)
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
		int *first = option ? first_line_of(reading, option) : NULL;

		if (!option) {
			const char *nearest = aic_option_nearest_name(line->name);

			aic_option_report_line(&reading->report, line, NULL, "expected a known option; %s%s%s",
				nearest ? "did you mean " : "remove it or see docs/reference/options.md", nearest ? nearest : "",
				nearest ? "?" : "");
		} else if (!may_stand_in(option->scope, scope)) {
			aic_option_report_line(&reading->report, line, option, "expected %s; move it there", places[option->scope]);
		} else if (*first && !option->multiple) {
			aic_option_report_line(&reading->report, line, option, "expected once, line %d sets it already; remove one",
				*first);
		} else {
			*first = line->line ? line->line : 1;
			aic_option_set(&reading->report, settings, option, line);
		}
	}
}

/* Copies the value of every option that [general] may set for all agents. All of them are plain values. */
static void inherit_general(struct aic_settings *settings, const struct aic_settings *general)
{
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		if (option_at(i)->scope == AIC_SCOPE_BOTH) {
			aic_option_copy_plain(settings, general, option_at(i));
		}
	}
}

static void set_default(struct aic_option_report *report, void *settings, const struct aic_option *option,
	const char *value)
{
	struct aic_option_line line = {"configs/options.json", 0, option->name, value};

	if (value) {
		aic_option_set(report, settings, option, &line);
	}
}

static void ignore_problem(void *user, const char *problem)
{
	(void) user;
	(void) problem;
}

static void free_fields(void *settings, enum aic_option_scope scope)
{
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		if (struct_scope(option_at(i)->scope) == scope) {
			aic_option_clear(settings, option_at(i));
		}
	}
}

/*
 * Sets the defaults of the options in the struct of that scope, which is zeros. Returns 0, or -1 when memory is short.
 */
static int set_defaults(void *settings, enum aic_option_scope scope)
{
	struct aic_option_report report = {"defaults", ignore_problem, NULL, 0};

	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		if (struct_scope(option_at(i)->scope) == scope) {
			set_default(&report, settings, option_at(i), option_at(i)->default_value);
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
static void check_providers(struct aic_option_report *report, enum aic_option_provider provider,
	const struct aic_option_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct aic_option *option = aic_option_find(lines[i].name);

		if (option && option->providers && !(option->providers & (1u << provider))) {
			aic_option_report_line(report, &lines[i], option,
				"expected with another provider, this agent's is %s; remove it or change the provider",
				provider_name(provider));
		}
	}
}

static void set_provider_defaults(struct reading *reading, struct aic_settings *settings)
{
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		const struct aic_option *option = option_at(i);

		for (const struct aic_provider_default *one = option->provider_defaults; one && one->value; one++) {
			if (one->provider == settings->provider && !*first_line_of(reading, option)) {
				set_default(&reading->report, settings, option, one->value);
			}
		}
	}
}

static bool is_given(struct reading *reading, const char *name)
{
	return *first_line_of(reading, aic_option_find(name)) != 0;
}

static void check_rules(struct reading *reading, enum aic_option_provider provider, const struct aic_option_line *lines,
	size_t count)
{
	size_t rule_count;
	const struct aic_option_rule *rules = aic_option_rules(&rule_count);

	for (const struct aic_option_rule *rule = rules; rule < rules + rule_count; rule++) {
		const char *const *aliases = aic_option_find(rule->needs)->aliases;

		if (rule->provider != provider || (rule->with && !is_given(reading, rule->with))
			|| (rule->unless && is_given(reading, rule->unless)) || is_given(reading, rule->needs)) {
			continue;
		}
		aic_option_report_section(&reading->report, lines, count, "expected %s%s%s%s%s%s; %s", rule->needs, aliases
			? " (" : "",
			aliases ? aliases[0] : "", aliases ? ")" : "", rule->with ? " beside " : "", rule->with ? rule->with : "",
			rule->advice);
	}
}

/* Reads a section in which each line is judged by itself. */
static int read_section(void *settings, enum aic_option_scope scope, const char *section,
	const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user)
{
	struct reading reading = {.report = {section, problem, user, 0}};

	read_lines(&reading, settings, scope, lines, count);
	return reading.report.count;
}

int aic_settings_read_general(struct aic_settings *settings, const struct aic_option_line *lines, size_t count,
	aic_problem_fn problem, void *user)
{
	return read_section(settings, AIC_SCOPE_GENERAL, "general", lines, count, problem, user);
}

int aic_tool_settings_read(struct aic_tool_settings *settings, const char *section, const struct aic_option_line *lines,
	size_t count, aic_problem_fn problem, void *user)
{
	return read_section(settings, AIC_SCOPE_TOOL, section, lines, count, problem, user);
}

int aic_prompt_settings_read(struct aic_prompt_settings *settings, const char *section,
	const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user)
{
	return read_section(settings, AIC_SCOPE_PROMPT, section, lines, count, problem, user);
}

int aic_settings_read_agent(struct aic_settings *settings, const struct aic_settings *general, const char *name,
	const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user)
{
	struct reading reading = {.report = {name, problem, user, 0}};

	inherit_general(settings, general);
	read_lines(&reading, settings, AIC_SCOPE_AGENT, lines, count);
	/* What does not fit together is only worth saying when each line by itself is right. */
	if (!reading.report.count) {
		check_providers(&reading.report, settings->provider, lines, count);
		check_rules(&reading, settings->provider, lines, count);
		set_provider_defaults(&reading, settings);
	}
	return reading.report.count;
}
