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

/* Whether the well-formed sequence at `s` drives terminals or changes how the line around it reads. */
static bool is_control(const unsigned char *s, size_t length)
{
	switch (length) {
	case 1:
		return s[0] < 0x20 || s[0] == 0x7f;
	case 2:
		/* U+0080 to U+009F. */
		return s[0] == 0xc2 && s[1] < 0xa0;
	case 3:
		/* U+2028 to U+202E, U+2066 to U+2069. */
		return s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae)
			|| (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
	default:
		return false;
	}
}

void aic_utf8_line(char *to, size_t size, const char *from)
{
	const unsigned char *s = (const unsigned char *) from;
	size_t used = 0;

	while (*s) {
		size_t length = sequence_length(s);
		bool control = is_control(s, length);

		if (!length || control) {
			if (used + 1 >= size) {
				break;
			}
			to[used++] = control ? ' ' : '?';
		} else {
			if (used + length >= size) {
				break;
			}
			memmove(to + used, s, length);
			used += length;
		}
		s += length ? length : 1;
	}
	to[used] = '\0';
}

size_t aic_utf8_cut(const char *text, size_t most)
{
	size_t length = strnlen(text, most + 1);

	if (length <= most) {
		return length;
	}
	for (length = most; length && ((unsigned char) text[length] & 0xc0) == 0x80; length--) {
	}
	return length;
}

size_t aic_utf8_line_span(const char *text, size_t most)
{
	const unsigned char *s = (const unsigned char *) text;
	size_t span = 0;

	while (span < most && s[span]) {
		size_t length = s[span] >= 0x20 && s[span] < 0x7f ? 1 : sequence_length(s + span);

		if (!length || span + length > most || is_control(s + span, length)) {
			break;
		}
		span += length;
	}
	return span;
}
