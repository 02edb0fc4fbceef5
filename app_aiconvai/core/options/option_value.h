/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The value of one option: from its text into the field of the settings that is its own. `settings` is always the
 * struct that the option's scope belongs to.
 */
#ifndef AIC_OPTION_VALUE_H
#define AIC_OPTION_VALUE_H

#include "option_report.h"

/*
 * Reads a line's value into the option's field; one more entry where it may be given several times. Reports what is
 * wrong with it.
 */
void aic_option_set(struct aic_option_report *report, void *settings, const struct aic_option *option,
	const struct aic_option_line *line);

/* Copies a plain value: a boolean or a number. Any other is left as it is. */
void aic_option_copy_plain(void *settings, const void *from, const struct aic_option *option);

/* Frees what the field owns, and empties it. */
void aic_option_clear(void *settings, const struct aic_option *option);

#endif
