/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the parser tells of a message: this keeps the path to where it is, looks each path up once, when it changes, and
 * puts the values into the record.
 */
#include "json_reader_state.h"

#include <stdlib.h>
#include <string.h>

/* A message's type is no longer than this; what is longer is none that a field is for. */
#define TYPE_MAX 256

static void path_append(struct aic_json_reader *reader, const char *text, size_t length)
{
	if (reader->path_length + length >= PATH_MAX_LENGTH) {
		reader->path_length = PATH_MAX_LENGTH;
		return;
	}
	memcpy(reader->path + reader->path_length, text, length);
	reader->path_length += length;
}

/* Whether the message is of a kind that the field, whose path is so long, is for. */
static bool is_for_message(const struct aic_json_reader *reader, const struct aic_json_field *field, size_t path_length)
{
	const struct aic_text *kind = (const struct aic_text *) (const void *) (reader->record + reader->fields[0].offset);

	return !field->path[path_length] || (kind->bytes && kind->length <= TYPE_MAX
		&& strstr(kind->bytes, field->path + path_length + 1));
}

static void find_field(struct aic_json_reader *reader)
{
	reader->field = NULL;
	if (reader->path_length >= PATH_MAX_LENGTH) {
		return;
	}
	for (size_t i = 0; i < reader->field_count; i++) {
		if (reader->path_lengths[i] == reader->path_length && !memcmp(reader->fields[i].path, reader->path,
			reader->path_length) && is_for_message(reader, &reader->fields[i], reader->path_length)) {
			reader->field = &reader->fields[i];
			return;
		}
	}
}

void aic_json_find_value_field(struct aic_json_reader *reader)
{
	if (reader->depth && !reader->in_array[reader->depth - 1]) {
		reader->field = NULL;
	} else {
		find_field(reader);
	}
}

static void *field_target(struct aic_json_reader *reader, enum aic_json_kind kind)
{
	return reader->field && reader->field->kind == kind ? reader->record + reader->field->offset : NULL;
}

/* What a callback returns that stops the parser. */
static int refuse(struct aic_json_reader *reader, const char *why)
{
	reader->refusal = why;
	return 0;
}

static int keep_text(struct aic_json_reader *reader, struct aic_text *text, const unsigned char *bytes, size_t length)
{
	char *copy = aic_arena_alloc(&reader->arena, length + 1);

	if (!copy) {
		return 0;
	}
	memcpy(copy, bytes, length);
	copy[length] = '\0';
	/* A NUL ("\u0000") is a blank: who reads it as C's text would take what stands before it for all of it. */
	for (char *at = copy; (at = memchr(at, '\0', (size_t) (copy + length - at)));) {
		*at = ' ';
	}
	*text = (struct aic_text) {copy, length};
	return 1;
}

/* Begins, if the present field asks for it, to copy the value that follows as JSON. */
static void raw_begin(struct aic_json_reader *reader)
{
	if (reader->raw || (!field_target(reader, AIC_JSON_RAW) && !field_target(reader, AIC_JSON_LIST))) {
		return;
	}
	/* One serves the whole message: it takes some KiB. */
	if (reader->generator) {
		yajl_gen_clear(reader->generator);
		yajl_gen_reset(reader->generator, NULL);
	} else {
		reader->generator = yajl_gen_alloc(&reader->memory.functions);
	}
	reader->raw = reader->generator;
	reader->raw_depth = 0;
}

static int append_element(struct aic_json_reader *reader, struct aic_json_list *list, const unsigned char *json,
	size_t length)
{
	struct aic_json_element *element;

	if (list->count == AIC_ELEMENTS_MAX) {
		return refuse(reader, "a list in it is too long");
	}
	element = aic_arena_alloc(&reader->arena, sizeof(*element));
	if (!element || !keep_text(reader, &element->json, json, length)) {
		return 0;
	}
	element->next = NULL;
	if (list->last) {
		list->last->next = element;
	} else {
		list->first = element;
	}
	list->last = element;
	list->count++;
	return 1;
}

/* The value of a member of the message that has no field of its own, as a text. */
static int append_member(struct aic_json_reader *reader, const void *bytes, size_t length)
{
	struct aic_json_object *object = field_target(reader, AIC_JSON_OBJECT);
	struct aic_json_member *member;

	if (!object) {
		return 1;
	}
	if (object->count == AIC_MEMBERS_MAX) {
		return refuse(reader, "it has too many members");
	}
	member = aic_arena_alloc(&reader->arena, sizeof(*member));
	if (!member || !keep_text(reader, &member->value, bytes, length)) {
		return 0;
	}
	member->name = reader->member_name;
	member->next = NULL;
	if (object->last) {
		object->last->next = member;
	} else {
		object->first = member;
	}
	object->last = member;
	object->count++;
	return 1;
}

/* Ends it where the value is complete. */
static int raw_end(struct aic_json_reader *reader)
{
	struct aic_text *text;
	const unsigned char *json;
	size_t length;

	if (!reader->raw || reader->raw_depth) {
		return 1;
	}
	yajl_gen_get_buf(reader->raw, &json, &length);
	reader->raw = NULL;
	if ((text = field_target(reader, AIC_JSON_RAW))) {
		return keep_text(reader, text, json, length);
	}
	return append_element(reader, field_target(reader, AIC_JSON_LIST), json, length);
}

static int on_null(void *context)
{
	struct aic_json_reader *reader = context;

	reader->told = TOLD_VALUE;
	raw_begin(reader);
	if (reader->raw) {
		yajl_gen_null(reader->raw);
		return raw_end(reader);
	}
	return 1;
}

static int on_boolean(void *context, int value)
{
	struct aic_json_reader *reader = context;
	struct aic_json_boolean *target;

	reader->told = TOLD_VALUE;
	raw_begin(reader);
	if (reader->raw) {
		yajl_gen_bool(reader->raw, value);
		return raw_end(reader);
	}
	if ((target = field_target(reader, AIC_JSON_BOOLEAN))) {
		*target = (struct aic_json_boolean) {value != 0, true};
		return 1;
	}
	return append_member(reader, value ? "true" : "false", value ? 4 : 5);
}

/* An int64_t holds each number of so many. */
#define INTEGER_DIGITS 18

static int on_number(void *context, const char *digits, size_t length)
{
	struct aic_json_reader *reader = context;
	struct aic_json_integer *integer;
	struct aic_json_number *number;
	char text[64];
	double value;

	reader->told = TOLD_VALUE;
	raw_begin(reader);
	if (reader->raw) {
		yajl_gen_number(reader->raw, digits, length);
		return raw_end(reader);
	}
	integer = field_target(reader, AIC_JSON_INTEGER);
	number = field_target(reader, AIC_JSON_NUMBER);
	if (!integer && !number) {
		return append_member(reader, digits, length);
	}
	if (length >= sizeof(text)) {
		return 1;
	}
	memcpy(text, digits, length);
	text[length] = '\0';
	value = strtod(text, NULL);
	if (number) {
		*number = (struct aic_json_number) {value, true};
	} else if (!strpbrk(text, ".eE") && strlen(text + (text[0] == '-')) <= INTEGER_DIGITS) {
		*integer = (struct aic_json_integer) {strtoll(text, NULL, 10), true};
	} else if (value >= -9007199254740992.0 && value <= 9007199254740992.0 && value == (double) (int64_t) value) {
		*integer = (struct aic_json_integer) {(int64_t) value, true};
	}
	return 1;
}

ssize_t aic_json_take_base64(struct aic_json_reader *reader, const char *text, size_t length)
{
	uint8_t *to = aic_buffer_reserve(&reader->binary, AIC_BASE64_DECODED_MAX(length + 3));
	size_t taken;

	if (!to) {
		return -1;
	}
	reader->binary.length += aic_base64_decoder_take(&reader->decoder, text, length, to, &taken);
	return (ssize_t) taken;
}

/* The end of a base64 string; all of it unless its beginning was decoded already. */
static int end_base64(struct aic_json_reader *reader, struct aic_json_bytes *binary, const char *text, size_t length)
{
	ssize_t taken, written;

	if (reader->audio_state == AUDIO_ENDING) {
		reader->audio_state = AUDIO_DONE;
	} else {
		reader->binary_begin = reader->binary.length;
	}
	if ((taken = aic_json_take_base64(reader, text, length)) < 0) {
		return 0;
	}
	written = aic_base64_decoder_end(&reader->decoder, text + taken, length - (size_t) taken, reader->binary.bytes
		+ reader->binary.length);
	reader->binary.length = written < 0 ? reader->binary_begin : reader->binary.length + (size_t) written;
	*binary = (struct aic_json_bytes) {.bytes = reader->binary.bytes,
		.length = reader->binary.length,
		.present = true,
		.malformed = binary->malformed || written < 0};
	return 1;
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
	struct aic_json_reader *reader = context;
	struct aic_text *text;
	struct aic_json_bytes *binary;

	reader->told = TOLD_VALUE;
	raw_begin(reader);
	if (reader->raw) {
		yajl_gen_string(reader->raw, bytes, length);
		return raw_end(reader);
	}
	if ((text = field_target(reader, AIC_JSON_STRING))) {
		return keep_text(reader, text, bytes, length);
	}
	if ((binary = field_target(reader, AIC_JSON_BASE64))) {
		return end_base64(reader, binary, (const char *) bytes, length);
	}
	return append_member(reader, bytes, length);
}

static int on_key(void *context, const unsigned char *key, size_t length)
{
	struct aic_json_reader *reader = context;

	reader->told = TOLD_KEY;
	if (reader->raw) {
		yajl_gen_string(reader->raw, key, length);
		return 1;
	}
	reader->path_length = reader->base_length[reader->depth - 1];
	/* A key of the top level begins the path, any other, even one below an empty key, goes on with it. */
	if (reader->depth > 1) {
		path_append(reader, ".", 1);
	}
	path_append(reader, (const char *) key, length);
	find_field(reader);
	if (reader->audio_state == AUDIO_SOUGHT && reader->field && reader->field->kind == AIC_JSON_BASE64) {
		reader->audio_state = AUDIO_NAMED;
	}
	if (!reader->field && reader->object && reader->depth == 1) {
		reader->field = reader->object;
		return keep_text(reader, &reader->member_name, key, length);
	}
	return 1;
}

static int open_container(struct aic_json_reader *reader, bool array)
{
	reader->told = TOLD_VALUE;
	raw_begin(reader);
	if (reader->raw) {
		if (array) {
			yajl_gen_array_open(reader->raw);
		} else {
			yajl_gen_map_open(reader->raw);
		}
		/* yajl_gen's own limit on nesting lies above this one. */
		return ++reader->raw_depth < DEPTH_MAX ? 1 : refuse(reader, "it is nested too deeply");
	}
	if (reader->depth == DEPTH_MAX) {
		return refuse(reader, "it is nested too deeply");
	}
	reader->in_array[reader->depth] = array;
	reader->base_length[reader->depth++] = reader->path_length;
	if (array) {
		path_append(reader, "[]", 2);
	}
	aic_json_find_value_field(reader);
	return 1;
}

static int close_container(struct aic_json_reader *reader, bool array)
{
	reader->told = TOLD_VALUE;
	if (reader->raw) {
		if (array) {
			yajl_gen_array_close(reader->raw);
		} else {
			yajl_gen_map_close(reader->raw);
		}
		reader->raw_depth--;
		return raw_end(reader);
	}
	reader->path_length = reader->base_length[--reader->depth];
	aic_json_find_value_field(reader);
	return 1;
}

static int on_map_open(void *context)
{
	return open_container(context, false);
}

static int on_map_close(void *context)
{
	return close_container(context, false);
}

static int on_array_open(void *context)
{
	return open_container(context, true);
}

static int on_array_close(void *context)
{
	return close_container(context, true);
}

const yajl_callbacks aic_json_callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_map_open,
	.yajl_map_key = on_key,
	.yajl_end_map = on_map_close,
	.yajl_start_array = on_array_open,
	.yajl_end_array = on_array_close,
};
