/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "placeholders.h"

#include "bounds.h"
#include "buffer.h"

#include <string.h>

/* The variable whose placeholder begins at `text`; NULL if none does. */
static const struct aic_variable *find_variable(const char *text, const struct aic_variable *variables, size_t count)
{
	size_t length = strcspn(text + 1, "}");

	for (size_t i = 0; text[1 + length] && i < count; i++) {
		if (strlen(variables[i].name) == length && !memcmp(variables[i].name, text + 1, length)) {
			return &variables[i];
		}
	}
	return NULL;
}

char *aic_placeholders_fill(const char *text, const struct aic_variable *variables, size_t count, bool *left)
{
	struct aic_buffer out = {0};
	int failed = 0;

	while (*text && !failed) {
		/* Two of them begin a placeholder of the service's own. */
		bool single = text[0] == '{' && text[1] != '{';
		const struct aic_variable *variable = single ? find_variable(text, variables, count) : NULL;

		if (variable && out.length + strlen(variable->value) > AIC_FILLED_MAX) {
			variable = NULL;
			*left = true;
		}
		if (variable) {
			failed = aic_buffer_append(&out, variable->value, strlen(variable->value));
			text += strlen(variable->name) + 2;
		} else {
			size_t braces = strspn(text, "{");
			size_t length = braces + strcspn(text + braces, "{");

			failed = aic_buffer_append(&out, text, length);
			text += length;
		}
	}
	if (failed || aic_buffer_append(&out, "", 1)) {
		aic_buffer_free(&out);
		return NULL;
	}
	return (char *) out.bytes;
}

const char *aic_placeholder_next(const char *text, char name[AIC_PLACEHOLDER_MAX])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	while (*(text += strcspn(text, "{"))) {
		size_t braces = strspn(text, "{");
		size_t length = strspn(text + braces, letters);

		text += braces;
		if (braces == 1 && length && length < AIC_PLACEHOLDER_MAX && text[length] == '}') {
			memcpy(name, text, length);
			name[length] = '\0';
			return text + length + 1;
		}
	}
	return NULL;
}
