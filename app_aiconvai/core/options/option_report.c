/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "option_report.h"

#include <stdarg.h>
#include <stdio.h>

#define PROBLEM_MAX 1024

static void tell(struct aic_option_report *report, const char *problem)
{
	report->problem(report->user, problem);
	report->count++;
}

void aic_option_report_line(struct aic_option_report *report, const struct aic_option_line *line,
	const struct aic_option *option, const char *format, ...)
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
	snprintf(text, sizeof(text), "%s:%d: [%s] %s = %.200s: %s", line->file, line->line, report->section, line->name,
		value, expected);
	tell(report, text);
}

void aic_option_report_section(struct aic_option_report *report, const struct aic_option_line *lines, size_t count,
	const char *format, ...)
{
	char text[PROBLEM_MAX], expected[PROBLEM_MAX / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	if (count) {
		snprintf(text, sizeof(text), "%s:%d: [%s]: %s", lines[0].file, lines[0].line, report->section, expected);
	} else {
		snprintf(text, sizeof(text), "[%s]: %s", report->section, expected);
	}
	tell(report, text);
}
