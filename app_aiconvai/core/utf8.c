/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed sequence at `s` (terminated), 0 if there is none: RFC 3629 section 4. */
static size_t sequence_length(const unsigned char *s)
{
	size_t length;
	unsigned char low = 0x80, high = 0xbf;

	if (s[0] < 0x80) {
		return 1;
	}
	if (s[0] < 0xc2 || s[0] > 0xf4) {
		return 0;
	}
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0) {
		low = 0xa0;
	} else if (s[0] == 0xed) {
		high = 0x9f;
	} else if (s[0] == 0xf0) {
		low = 0x90;
	} else if (s[0] == 0xf4) {
		high = 0x8f;
	}
	if (s[1] < low || s[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return length;
}

bool aic_utf8_is_valid(const char *text)
{
	const unsigned char *s = (const unsigned char *) text;

	while (*s) {
		size_t length = sequence_length(s);

		if (!length) {
			return false;
		}
		s += length;
	}
	return true;
}

char *aic_utf8_repair(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const unsigned char *s = (const unsigned char *) text;
	size_t size = strlen(text);
	char *repaired, *to;

	if (size > SIZE_MAX / 3 - 1 || !(repaired = malloc(size * 3 + 1))) {
		return NULL;
	}
	to = repaired;
	while (*s) {
		size_t length = sequence_length(s);

		if (length) {
			memcpy(to, s, length);
			to += length;
			s += length;
		} else {
			memcpy(to, replacement, 3);
			to += 3;
			s++;
		}
	}
	*to = '\0';
	return repaired;
}

void aic_utf8_line(char *to, size_t size, const char *from)
{
	const unsigned char *s = (const unsigned char *) from;
	size_t used = 0;

	while (*s) {
		size_t length = sequence_length(s);
		/* U+0080 to U+009F drive terminals, too. */
		bool control = *s < 0x20 || *s == 0x7f || (length == 2 && s[0] == 0xc2 && s[1] < 0xa0);

		if (!length || control) {
			if (used + 1 >= size) {
				break;
			}
			to[used++] = control ? ' ' : '?';
		} else {
			if (used + length >= size) {
				break;
			}
			memcpy(to + used, s, length);
			used += length;
		}
		s += length ? length : 1;
	}
	to[used] = '\0';
}
