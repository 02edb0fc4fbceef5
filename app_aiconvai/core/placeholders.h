/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Texts with {name} in them, such as a prompt that greets {caller_name}.
 */
#ifndef AIC_PLACEHOLDERS_H
#define AIC_PLACEHOLDERS_H

#include "provider.h"

/*
 * Returns `text` with every {name} of a variable replaced by its value; braces around anything else, and double braces, stay as they
 * are. Values are not looked at again. Free with free(); NULL when memory is short.
 */
char *aic_placeholders_fill(const char *text, const struct aic_variable *variables, size_t count);

#endif
