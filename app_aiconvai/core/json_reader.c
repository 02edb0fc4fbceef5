/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * yajl does the parsing; this keeps the path to where it is and looks each path up once, when it changes.
 *
 * Audio never passes through yajl, which would look at each character twice, and copy and read again a text that comes in pieces.
 * yajl is fed up to each colon until the key before one names a base64 field; what follows is decoded from the caller's bytes up to
 * the first character that is not of base64's alphabet. From there on yajl goes on, as if the string began at that character: it is
 * yajl that sees where the string ends, and what is wrong with one that is no plain base64.
 *
 * yajl reads a token that is cut again from its beginning with each piece that comes. So what comes is gathered until it is as much as yajl would read again:
 * all in all no byte is read more than three times, however long a string or a number is and however it is cut.
 */
#include "json_reader.h"

#include "arena.h"
#include "base64.h"
#include "buffer.h"
#include "yajl_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#define PATH_MAX_LENGTH 256

/* Deeper nesting than this is refused: no service sends it, and a stack has to end somewhere. */
#define DEPTH_MAX 64

/*
 * The colon before the audio is looked for. Each one inside a string makes yajl read that string once more from its beginning, so there has to be an end to
 * it: so many bytes in a message. What comes later is decoded all the same, when yajl has all of it.
 */
#define REREAD_MAX (16 * 1024)

/* Memory of a message larger than this is not kept for the next one. */
#define KEPT_BYTES (256 * 1024)

/* A message's type is no longer than this; what is longer is none that a field is for. */
#define TYPE_MAX 256

/* Where a message is, as far as its audio is concerned. */
enum audio_state {
	AUDIO_SOUGHT, /* its key may come */
	AUDIO_NAMED,  /* the key came */
	AUDIO_NEXT,   /* and its colon */
	AUDIO_BEGUN,  /* and a quotation mark: what comes is decoded */
	AUDIO_ENDING, /* and something that yajl is to look at: the end of the string, as a rule */
	AUDIO_DONE,   /* it came, or is no longer looked for: yajl gets all there is */
};

/* What yajl has told of what it was given last. */
enum told {
	TOLD_NOTHING,
	TOLD_VALUE, /* a value, or the beginning or the end of one */
	TOLD_KEY,
};

struct aic_json_reader {
	const struct aic_json_field *fields;
	size_t field_count;
	unsigned char *record;
	size_t record_size;
	struct aic_arena arena; /* yajl's own memory and the texts of the message */
	bool has_audio; /* one of the fields is base64 */
	enum audio_state audio_state;
	enum told told;
	size_t held;   /* bytes at the most that yajl will read again with the next ones, because a token is not over */
	size_t reread; /* those it has read again because of a colon that was looked at */
	struct aic_buffer pending; /* what came and yajl was not given yet */
	uint64_t work;
	struct aic_base64_decoder decoder; /* of the string being read; as at the beginning between two */
	struct aic_buffer binary;          /* what it and those before it in the message became */
	size_t binary_begin;               /* where it begins in there */
	yajl_alloc_funcs memory;
	yajl_handle parser; /* NULL between messages; lives in the arena */
	yajl_gen generator; /* of this message's RAW fields; NULL: there was none; lives in the arena */
	yajl_gen raw;       /* the same while one is being read */
	unsigned int raw_depth;
	const struct aic_json_field *field; /* the field the present path names, or NULL */
	const struct aic_json_field *object; /* the one for all other members of the message, or NULL */
	struct aic_text member_name; /* of the one that is read into it */
	const char *refusal; /* why a callback refused to go on; NULL: memory is short */
	char path[PATH_MAX_LENGTH];
	size_t path_length; /* PATH_MAX_LENGTH: too long, matches nothing */
	size_t base_length[DEPTH_MAX]; /* length of the path at each open map or array */
	bool in_array[DEPTH_MAX];      /* whether that is an array */
	unsigned int depth;
	bool failed;
	char error[256];
	size_t path_lengths[]; /* of each field's path */
};

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

	return !field->path[path_length] || (kind->bytes && kind->length <= TYPE_MAX && strstr(kind->bytes, field->path + path_length + 1));
}

static void find_field(struct aic_json_reader *reader)
{
	reader->field = NULL;
	if (reader->path_length >= PATH_MAX_LENGTH) {
		return;
	}
	for (size_t i = 0; i < reader->field_count; i++) {
		if (reader->path_lengths[i] == reader->path_length && !memcmp(reader->fields[i].path, reader->path, reader->path_length)
			&& is_for_message(reader, &reader->fields[i], reader->path_length)) {
			reader->field = &reader->fields[i];
			return;
		}
	}
}

/* The field of a value that may come without a key before it: in an array, or as the whole message. */
static void find_value_field(struct aic_json_reader *reader)
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
		reader->generator = yajl_gen_alloc(&reader->memory);
	}
	reader->raw = reader->generator;
	reader->raw_depth = 0;
}

static int append_element(struct aic_json_reader *reader, struct aic_json_list *list, const unsigned char *json, size_t length)
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
	} else if (!strpbrk(text, ".eE") && length < 19) {
		*integer = (struct aic_json_integer) {strtoll(text, NULL, 10), true};
	} else if (value >= -9007199254740992.0 && value <= 9007199254740992.0 && value == (double) (int64_t) value) {
		*integer = (struct aic_json_integer) {(int64_t) value, true};
	}
	return 1;
}

/* Decodes the beginning of a text, up to the first character outside the alphabet. Returns how much, or -1 when memory is short. */
static ssize_t take_base64(struct aic_json_reader *reader, const char *text, size_t length)
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
	if ((taken = take_base64(reader, text, length)) < 0) {
		return 0;
	}
	written = aic_base64_decoder_end(&reader->decoder, text + taken, length - (size_t) taken, reader->binary.bytes + reader->binary.length);
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
	find_value_field(reader);
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
	find_value_field(reader);
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

static const yajl_callbacks callbacks = {
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

struct aic_json_reader *aic_json_reader_new(const struct aic_json_field *fields, size_t count, void *record, size_t record_size)
{
	struct aic_json_reader *reader = calloc(1, sizeof(*reader) + count * sizeof(reader->path_lengths[0]));

	if (!reader) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		reader->path_lengths[i] = strcspn(fields[i].path, "|");
		reader->has_audio |= fields[i].kind == AIC_JSON_BASE64;
	}
	if (count && fields[count - 1].kind == AIC_JSON_OBJECT) {
		reader->object = &fields[count - 1];
	}
	reader->fields = fields;
	reader->field_count = count;
	reader->record = record;
	reader->record_size = record_size;
	reader->memory = aic_yajl_memory(&reader->arena);
	return reader;
}

void aic_json_reader_free(struct aic_json_reader *reader)
{
	if (!reader) {
		return;
	}
	aic_arena_free(&reader->arena);
	aic_buffer_free(&reader->binary);
	aic_buffer_free(&reader->pending);
	free(reader);
}

static void trim_buffer(struct aic_buffer *buffer)
{
	if (buffer->capacity > KEPT_BYTES) {
		aic_buffer_free(buffer);
	}
}

void aic_json_reader_trim(struct aic_json_reader *reader)
{
	trim_buffer(&reader->binary);
	trim_buffer(&reader->pending);
	aic_arena_reset(&reader->arena);
}

static int begin_message(struct aic_json_reader *reader)
{
	if (reader->arena.used || reader->arena.large) {
		aic_arena_reset(&reader->arena);
	}
	memset(reader->record, 0, reader->record_size);
	reader->raw = reader->generator = NULL;
	reader->depth = 0;
	reader->path_length = 0;
	reader->failed = false;
	reader->error[0] = '\0';
	reader->audio_state = reader->has_audio ? AUDIO_SOUGHT : AUDIO_DONE;
	reader->held = reader->reread = 0;
	reader->pending.length = 0;
	reader->refusal = NULL;
	reader->binary.length = 0;
	reader->decoder = (struct aic_base64_decoder) {.kept_count = 0};
	find_value_field(reader);
	if (!(reader->parser = yajl_alloc(&callbacks, &reader->memory, reader))) {
		snprintf(reader->error, sizeof(reader->error), "out of memory");
		return -1;
	}
	return 0;
}

static int fail(struct aic_json_reader *reader, yajl_status status)
{
	if (!reader->failed) {
		const char *why = reader->refusal ? reader->refusal : "out of memory";

		snprintf(reader->error, sizeof(reader->error), "%s", status == yajl_status_client_canceled ? why : "it is not valid JSON");
	}
	reader->failed = true;
	reader->pending.length = 0;
	return -1;
}

/* Gives yajl what comes next. */
static yajl_status give(struct aic_json_reader *reader, const char *bytes, size_t length)
{
	yajl_status status;

	reader->told = TOLD_NOTHING;
	reader->work += reader->held + length;
	status = yajl_parse(reader->parser, (const unsigned char *) bytes, length);
	/* Where in these bytes it told something yajl does not say. */
	reader->held = reader->told == TOLD_NOTHING ? reader->held + length : length;
	return status;
}

/* Gives yajl what comes up to the next colon that is looked at, or all there is. `*used` is how much. */
static yajl_status give_to_colon(struct aic_json_reader *reader, const char *bytes, size_t length, size_t *used)
{
	bool looks = reader->audio_state == AUDIO_SOUGHT || reader->audio_state == AUDIO_NAMED;
	const char *colon = looks ? memchr(bytes, ':', length) : NULL;
	size_t held = reader->held;
	yajl_status status;

	*used = colon ? (size_t) (colon - bytes) + 1 : length;
	status = give(reader, bytes, *used);
	if (!colon) {
		return status;
	}
	if (reader->audio_state == AUDIO_NAMED) {
		reader->audio_state = AUDIO_NEXT;
		reader->held = 0;
	} else if (reader->told == TOLD_KEY) {
		/* The key's own colon. */
		reader->held = 0;
	} else if ((reader->reread += held) > REREAD_MAX) {
		reader->audio_state = AUDIO_DONE;
	}
	return status;
}

/* The byte behind the colon: blanks mean nothing, and only a string is decoded. Returns how many bytes were used, 0 or 1. */
static size_t begin_audio(struct aic_json_reader *reader, char byte)
{
	if (byte == '"') {
		reader->audio_state = AUDIO_BEGUN;
		reader->binary_begin = reader->binary.length;
		return 1;
	}
	if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
		return 1;
	}
	reader->audio_state = AUDIO_SOUGHT;
	return 0;
}

/* Decodes on. Where something else than base64 comes, yajl is told of the string, which begins there as far as it knows. */
static yajl_status go_on_with_audio(struct aic_json_reader *reader, const char *bytes, size_t length, size_t *used)
{
	ssize_t taken = take_base64(reader, bytes, length);

	if (taken < 0) {
		return yajl_status_client_canceled;
	}
	*used = (size_t) taken;
	if (*used == length) {
		return yajl_status_ok;
	}
	reader->audio_state = AUDIO_ENDING;
	return give(reader, "\"", 1);
}

/* Returns 0, or -1 when the message has failed. */
static int process(struct aic_json_reader *reader, const char *bytes, size_t length)
{
	yajl_status status = yajl_status_ok;

	while (length && status == yajl_status_ok) {
		size_t used;

		if (reader->audio_state == AUDIO_NEXT) {
			used = begin_audio(reader, *bytes);
		} else if (reader->audio_state == AUDIO_BEGUN) {
			status = go_on_with_audio(reader, bytes, length, &used);
		} else {
			status = give_to_colon(reader, bytes, length, &used);
		}
		if (status == yajl_status_ok) {
			bytes += used;
			length -= used;
		}
	}
	return status == yajl_status_ok ? 0 : fail(reader, status);
}

static int process_pending(struct aic_json_reader *reader)
{
	int result = process(reader, (const char *) reader->pending.bytes, reader->pending.length);

	reader->pending.length = 0;
	return result;
}

int aic_json_reader_feed(struct aic_json_reader *reader, const char *bytes, size_t length)
{
	bool gathers;

	if (!reader->parser && begin_message(reader)) {
		return -1;
	}
	if (reader->failed) {
		return -1;
	}
	gathers = reader->pending.length + length < reader->held && reader->audio_state != AUDIO_NEXT && reader->audio_state != AUDIO_BEGUN;
	if (!gathers && !reader->pending.length) {
		return process(reader, bytes, length);
	}
	if (aic_buffer_append(&reader->pending, bytes, length)) {
		return fail(reader, yajl_status_client_canceled);
	}
	return gathers ? 0 : process_pending(reader);
}

int aic_json_reader_finish(struct aic_json_reader *reader)
{
	yajl_status status = yajl_status_error;

	if (!reader->parser && begin_message(reader)) {
		return -1;
	}
	if (!reader->failed && !process_pending(reader)) {
		status = yajl_complete_parse(reader->parser);
	}
	/* Its memory goes with the arena, at the start of the next message. */
	reader->parser = NULL;
	return status == yajl_status_ok ? 0 : fail(reader, status);
}

uint64_t aic_json_reader_work(const struct aic_json_reader *reader)
{
	return reader->work;
}

const char *aic_json_reader_error(const struct aic_json_reader *reader)
{
	return reader->error;
}
