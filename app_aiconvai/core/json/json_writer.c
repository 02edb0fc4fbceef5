/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "json_writer.h"

#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

/* Memory of a message longer than this is not kept for the next one. */
#define KEPT_TEXT 4096

struct aic_json_writer {
	yajl_gen gen;
	bool failed;
};

struct aic_json_writer *aic_json_writer_new(void)
{
	struct aic_json_writer *writer = calloc(1, sizeof(*writer));

	if (writer && !(writer->gen = yajl_gen_alloc(NULL))) {
		free(writer);
		return NULL;
	}
	return writer;
}

void aic_json_writer_free(struct aic_json_writer *writer)
{
	if (writer) {
		yajl_gen_free(writer->gen);
		free(writer);
	}
}

void aic_json_writer_reset(struct aic_json_writer *writer)
{
	const unsigned char *text;
	size_t length = 0;
	yajl_gen fresh;

	if (!writer) {
		return;
	}
	writer->failed = false;
	yajl_gen_get_buf(writer->gen, &text, &length);
	if (length > KEPT_TEXT && (fresh = yajl_gen_alloc(NULL))) {
		yajl_gen_free(writer->gen);
		writer->gen = fresh;
		return;
	}
	yajl_gen_clear(writer->gen);
	yajl_gen_reset(writer->gen, NULL);
}

static void note(struct aic_json_writer *writer, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok) {
		writer->failed = true;
	}
}

static void put_string(struct aic_json_writer *writer, const char *text)
{
	char *repaired = NULL;

	if (!aic_utf8_is_valid(text)) {
		if (!(repaired = aic_utf8_repair(text))) {
			writer->failed = true;
			return;
		}
		text = repaired;
	}
	note(writer, yajl_gen_string(writer->gen, (const unsigned char *) text, strlen(text)));
	free(repaired);
}

/* Writes the key, if there is one. Returns false where there is no writer. */
static bool put_key(struct aic_json_writer *writer, const char *key)
{
	if (!writer) {
		return false;
	}
	if (key) {
		put_string(writer, key);
	}
	return true;
}

void aic_json_open_object(struct aic_json_writer *writer, const char *key)
{
	if (put_key(writer, key)) {
		note(writer, yajl_gen_map_open(writer->gen));
	}
}

void aic_json_close_object(struct aic_json_writer *writer)
{
	if (writer) {
		note(writer, yajl_gen_map_close(writer->gen));
	}
}

void aic_json_open_array(struct aic_json_writer *writer, const char *key)
{
	if (put_key(writer, key)) {
		note(writer, yajl_gen_array_open(writer->gen));
	}
}

void aic_json_close_array(struct aic_json_writer *writer)
{
	if (writer) {
		note(writer, yajl_gen_array_close(writer->gen));
	}
}

void aic_json_put_text(struct aic_json_writer *writer, const char *key, const char *text)
{
	if (put_key(writer, key)) {
		put_string(writer, text);
	}
}

void aic_json_put_integer(struct aic_json_writer *writer, const char *key, int64_t value)
{
	if (put_key(writer, key)) {
		note(writer, yajl_gen_integer(writer->gen, value));
	}
}

void aic_json_put_number(struct aic_json_writer *writer, const char *key, double value)
{
	char text[32];

	if (put_key(writer, key)) {
		/* yajl's own way writes 0.6 with twenty digits. */
		int length = snprintf(text, sizeof(text), "%g", value);

		note(writer, yajl_gen_number(writer->gen, text, (size_t) length));
	}
}

void aic_json_put_boolean(struct aic_json_writer *writer, const char *key, bool value)
{
	if (put_key(writer, key)) {
		note(writer, yajl_gen_bool(writer->gen, value));
	}
}

void aic_json_put_json(struct aic_json_writer *writer, const char *key, const char *json)
{
	if (put_key(writer, key)) {
		/* What yajl takes for a number it writes as it is. */
		note(writer, yajl_gen_number(writer->gen, json, strlen(json)));
	}
}

void aic_json_put_null(struct aic_json_writer *writer, const char *key)
{
	if (put_key(writer, key)) {
		note(writer, yajl_gen_null(writer->gen));
	}
}

const char *aic_json_writer_text(const struct aic_json_writer *writer, size_t *length)
{
	const unsigned char *text;

	*length = 0;
	if (!writer || writer->failed || yajl_gen_get_buf(writer->gen, &text, length) != yajl_gen_status_ok) {
		return NULL;
	}
	return (const char *) text;
}
