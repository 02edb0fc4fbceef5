/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "dialplan_text.h"

#include <stddef.h>
#include <string.h>

/* Each of the pair that the other does not belong to becomes a blank. Asterisk counts the two kinds apart. */
static void balance(char *line, char opening, char closing)
{
	size_t open = 0, closed = 0, length = strlen(line);

	for (size_t i = 0; i < length; i++) {
		if (line[i] == opening) {
			open++;
		} else if (line[i] == closing && !open) {
			line[i] = ' ';
		} else if (line[i] == closing) {
			open--;
		}
	}
	for (size_t i = length; i-- > 0;) {
		if (line[i] == closing) {
			closed++;
		} else if (line[i] == opening && !closed) {
			line[i] = ' ';
		} else if (line[i] == opening) {
			closed--;
		}
	}
}

void aic_dialplan_text(char *line)
{
	for (char *at = line; *at; at++) {
		switch (*at) {
		case '"':
		case '`':
			*at = '\'';
			break;
		case '\\':
			*at = '/';
			break;
		case '$':
			*at = ' ';
			break;
		default:
			break;
		}
	}
	balance(line, '(', ')');
	balance(line, '[', ']');
}
