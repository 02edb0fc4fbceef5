/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Prompts in a file of their own: {"system_instruction": TEXT, "states": {NAME: TEXT}}. What is wrong with it is told
 * as of a section's lines.
 */
#ifndef AIC_PROMPT_FILE_H
#define AIC_PROMPT_FILE_H

#include "settings.h"

/*
 * Reads the file at `path`, relative to Asterisk's configuration directory, on top of what the section of that name
 * says. Every problem is reported. Returns 0, or -1 when memory is short.
 */
int prompt_file_read(const char *path, const char *section, struct aic_prompt_settings *settings,
	aic_problem_fn problem, void *user);

#endif
