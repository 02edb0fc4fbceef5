/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "json_writer.h"

#include "buffer.h"
#include "utf8.h"
#include "yajl_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

/* Memory of a message longer than this is not kept for the next one. */
#define KEPT_TEXT 4096

struct aic_json_writer {
	struct aic_arena arena; /* of the generator, which wants no more once it is made */
	struct aic_yajl_memory memory;
	yajl_gen gen; /* lives in the arena */
	struct aic_buffer text;
	bool failed;
};

/* Where the generator puts the text: yajl's own buffer does not look whether it got memory. */
static void print(void *context, const char *text, size_t length)
{
	struct aic_json_writer *writer = context;

	writer->failed |= aic_buffer_append(&writer->text, text, length) != 0;
}

static bool make_generator(struct aic_json_writer *writer)
{
	if (setjmp(writer->memory.out) || !(writer->gen = yajl_gen_alloc(&writer->memory.functions))) {
		return false;
	}
	yajl_gen_config(writer->gen, yajl_gen_print_callback, print, writer);
	return true;
}

struct aic_json_writer *aic_json_writer_new(void)
{
	struct aic_json_writer *writer = calloc(1, sizeof(*writer));

	if (!writer) {
		return NULL;
	}
	aic_yajl_memory_init(&writer->memory, &writer->arena);
	if (!make_generator(writer)) {
		aic_json_writer_free(writer);
		return NULL;
	}
	return writer;
}

void aic_json_writer_free(struct aic_json_writer *writer)
{
	if (writer) {
		aic_arena_free(&writer->arena);
		aic_buffer_free(&writer->text);
		free(writer);
	}
}

void aic_json_writer_reset(struct aic_json_writer *writer)
{
	if (!writer) {
		return;
	}
	writer->failed = false;
	if (writer->text.length > KEPT_TEXT) {
		aic_buffer_free(&writer->text);
	}
	writer->text.length = 0;
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
	*length = 0;
	if (!writer || writer->failed) {
		return NULL;
	}
	*length = writer->text.length;
	return (const char *) writer->text.bytes;
}
