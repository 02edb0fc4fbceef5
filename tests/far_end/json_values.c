/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "json_values.h"

#include "buffer.h"

#include <string.h>
#include <yajl/yajl_parse.h>

/* Deeper than anything that is looked for, and than it is long. */
#define DEPTH_MAX 16
#define PATH_SIZE 256

struct reading {
	struct json_value *values;
	size_t count;
	char path[PATH_SIZE]; /* of the value that comes next */
	size_t lengths[DEPTH_MAX]; /* of the paths of the objects that are open */
	unsigned int depth;  /* objects that are open, from the outermost */
	unsigned int hidden; /* what is open inside of an array, or too deep, where nothing is looked for */
	bool is_object;
};

/* The texts found in the present reading, one behind the other. */
static struct aic_buffer texts;

static struct json_value *wanted(struct reading *reading)
{
	for (size_t i = 0; !reading->hidden && reading->depth && i < reading->count; i++) {
		if (!strcmp(reading->values[i].path, reading->path)) {
			return &reading->values[i];
		}
	}
	return NULL;
}

static void take_other(struct reading *reading)
{
	struct json_value *value = wanted(reading);

	if (value) {
		value->kind = JSON_OTHER;
	}
}

static int on_null(void *arg)
{
	take_other(arg);
	return 1;
}

static int on_boolean(void *arg, int boolean)
{
	take_other(arg);
	return 1;
}

static int on_double(void *arg, double number)
{
	take_other(arg);
	return 1;
}

static int on_integer(void *arg, long long integer)
{
	struct json_value *value = wanted(arg);

	if (value) {
		value->kind = JSON_INTEGER;
		value->integer = integer;
	}
	return 1;
}

static int on_string(void *arg, const unsigned char *text, size_t length)
{
	struct json_value *value = wanted(arg);

	if (value) {
		value->kind = JSON_TEXT;
		value->at = texts.length;
		value->length = length;
		return !aic_buffer_append(&texts, text, length) && !aic_buffer_append(&texts, "", 1);
	}
	return 1;
}

static int on_key(void *arg, const unsigned char *text, size_t length)
{
	struct reading *reading = arg;
	size_t at;

	if (reading->hidden) {
		return 1;
	}
	at = reading->lengths[reading->depth - 1];
	if (reading->depth > 1 && at < PATH_SIZE - 1) {
		reading->path[at++] = '.';
	}
	/* A key that does not fit is none that is looked for, nor is one with a dot: its path ends with one then. */
	if (at + length < PATH_SIZE && !memchr(text, '.', length)) {
		memcpy(reading->path + at, text, length);
		at += length;
	} else if (!at) {
		reading->path[at++] = '.';
	}
	reading->path[at] = '\0';
	return 1;
}

static int on_open_object(void *arg)
{
	struct reading *reading = arg;

	take_other(reading);
	if (reading->hidden || reading->depth == DEPTH_MAX) {
		reading->hidden++;
		return 1;
	}
	reading->is_object = true;
	reading->lengths[reading->depth] = reading->depth ? strlen(reading->path) : 0;
	reading->depth++;
	return 1;
}

static int on_open_array(void *arg)
{
	struct reading *reading = arg;

	take_other(reading);
	reading->hidden++;
	return 1;
}

static int on_close(void *arg)
{
	struct reading *reading = arg;

	if (reading->hidden) {
		reading->hidden--;
	} else {
		reading->depth--;
	}
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_integer = on_integer,
	.yajl_double = on_double,
	.yajl_string = on_string,
	.yajl_map_key = on_key,
	.yajl_start_map = on_open_object,
	.yajl_end_map = on_close,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close,
};

/* Returns whether it is JSON. */
static bool parse(struct reading *reading, const char *text, size_t length)
{
	yajl_handle handle = yajl_alloc(&callbacks, NULL, reading);
	bool good;

	if (!handle) {
		return false;
	}
	good = yajl_parse(handle, (const unsigned char *) text, length) == yajl_status_ok
		&& yajl_complete_parse(handle) == yajl_status_ok;
	yajl_free(handle);
	return good;
}

bool json_values_read(struct json_value *values, size_t count, const char *text, size_t length)
{
	struct reading reading = {.values = values, .count = count};

	texts.length = 0;
	for (size_t i = 0; i < count; i++) {
		values[i].kind = JSON_ABSENT;
	}
	if (!parse(&reading, text, length) || !reading.is_object) {
		return false;
	}
	/* Only now does the buffer stay where it is. */
	for (size_t i = 0; i < count; i++) {
		if (values[i].kind == JSON_TEXT) {
			values[i].text = (const char *) texts.bytes + values[i].at;
		}
	}
	return true;
}

bool json_value_is(const struct json_value *value, const char *text)
{
	return value->kind == JSON_TEXT && !strcmp(value->text, text);
}

void json_values_end(void)
{
	aic_buffer_free(&texts);
}
