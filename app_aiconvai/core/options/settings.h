/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The settings that the sections of aiconvai.conf give, and what is wrong with them. No file is read here; the host
 * hands over what each section says, line by line.
 */
#ifndef AIC_SETTINGS_H
#define AIC_SETTINGS_H

#include "options.h"

/* One line of a section. */
struct aic_option_line {
	const char *file;
	int line;
	const char *name;
	const char *value;
};

/* Receives one problem as a sentence: "FILE:LINE: [SECTION] KEY = VALUE: expected ...; what to do". */
typedef void (*aic_problem_fn)(void *user, const char *problem);

/* Fills in the defaults. Returns 0, or -1 when memory is short. Free with aic_settings_free(). */
int aic_settings_init(struct aic_settings *settings);
void aic_settings_free(struct aic_settings *settings);

/*
 * Reads [general] into `settings` (initialised by the caller). Every problem is reported, not only the first.
 * Returns the number of problems.
 */
int aic_settings_read_general(struct aic_settings *settings, const struct aic_option_line *lines, size_t count,
	aic_problem_fn problem, void *user);

/*
 * Reads the section of the agent `name` into `settings` (initialised by the caller), on top of what `general` says, and
 * checks that the options fit together; `lines[0]` places a problem of the section as a whole. Returns the number of
 * problems.
 */
int aic_settings_read_agent(struct aic_settings *settings, const struct aic_settings *general, const char *name,
	const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user);

/*
 * What a section is about, by its name: AIC_SCOPE_GENERAL, _AGENT, _TOOL or _PROMPT. `name` (may be NULL) is set to
 * what it is called among its kind.
 */
enum aic_option_scope aic_section_scope(const char *section, const char **name);

/* As above, for what agents refer to; each section has settings of its own. */
int aic_tool_settings_init(struct aic_tool_settings *settings);
void aic_tool_settings_free(struct aic_tool_settings *settings);
int aic_tool_settings_read(struct aic_tool_settings *settings, const char *section, const struct aic_option_line *lines,
	size_t count, aic_problem_fn problem, void *user);
int aic_prompt_settings_init(struct aic_prompt_settings *settings);
void aic_prompt_settings_free(struct aic_prompt_settings *settings);
int aic_prompt_settings_read(struct aic_prompt_settings *settings, const char *section,
	const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user);

#endif
