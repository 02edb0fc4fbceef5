/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What stands at a few places of a JSON text. Not the engine's reader: that is under test.
 */
#ifndef FAR_END_JSON_VALUES_H
#define FAR_END_JSON_VALUES_H

#include <stdbool.h>
#include <stddef.h>

enum json_kind {
	JSON_ABSENT,
	JSON_TEXT,
	JSON_INTEGER,
	JSON_OTHER, /* an object, an array, a fraction, a boolean or null */
};

struct json_value {
	/* The keys that lead there, with dots between them ("session.audio"); what stands in an array has none. */
	const char *path;
	enum json_kind kind;
	const char *text; /* JSON_TEXT: terminated, valid until the next text is read */
	size_t length;    /* of it */
	long long integer; /* JSON_INTEGER */
	size_t at; /* the reader's own */
};

/*
 * Fills in what is at the paths; where a key comes twice, the later one counts. Returns whether the text is one JSON
 * object.
 */
bool json_values_read(struct json_value *values, size_t count, const char *text, size_t length);

/* Whether the value is this text; false too where it is no text. */
bool json_value_is(const struct json_value *value, const char *text);

/* Frees what the reader keeps from text to text. */
void json_values_end(void);

#endif
