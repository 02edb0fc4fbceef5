/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What is wrong with a section of aiconvai.conf, in sentences.
 */
#ifndef AIC_OPTION_REPORT_H
#define AIC_OPTION_REPORT_H

#include "settings.h"

/* Of one section; it belongs to whoever reads that. */
struct aic_option_report {
	const char *section;
	aic_problem_fn problem;
	void *user;
	int count; /* of the problems told */
};

/* Tells a problem of one line. `option` is NULL for an unknown name, whose value may be a mistyped key's secret. */
__attribute__((format(printf, 4, 5)))
void aic_option_report_line(struct aic_option_report *report, const struct aic_option_line *line,
const struct aic_option *option,
	const char *format, ...);

/* Tells a problem of the section as a whole; its first line, if it has any, is where. */
__attribute__((format(printf, 4, 5)))
void aic_option_report_section(struct aic_option_report *report, const struct aic_option_line *lines, size_t count,
const char *format, ...);

#endif
