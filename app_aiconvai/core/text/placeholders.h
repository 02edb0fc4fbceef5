/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Texts with {name} in them, such as a prompt that greets {caller_name}.
 */
#ifndef AIC_PLACEHOLDERS_H
#define AIC_PLACEHOLDERS_H

#include "variable.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns `text` with every {name} of a variable replaced by its value; braces around anything else, and double braces,
 * stay as they are. So do placeholders whose values would make it longer than AIC_FILLED_MAX: `*left` is set then.
 * Values are not looked at again. Free with free(); NULL when memory is short.
 */
char *aic_placeholders_fill(const char *text, const struct aic_variable *variables, size_t count, bool *left);

/* Length of a placeholder's name that aic_placeholder_next() finds, terminator included. */
#define AIC_PLACEHOLDER_MAX 64

/*
 * Copies the name of the first placeholder in `text`, letters, digits and _ in single braces, to `name`. Returns what
 * follows it, NULL: there is none.
 */
const char *aic_placeholder_next(const char *text, char name[AIC_PLACEHOLDER_MAX]);

#endif
