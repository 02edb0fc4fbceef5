/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * yajl does the parsing; this gives it what comes.
 *
 * Audio never passes through yajl, which would look at each character twice, and copy and read again a text that comes
 * in pieces. yajl is fed up to each colon until the key before one names a base64 field; what follows is decoded from
 * the caller's bytes up to the first character that is not of base64's alphabet. From there on yajl goes on, as if the
 * string began at that character: it is yajl that sees where the string ends, and what is wrong with one that is no
 * plain base64.
 *
 * yajl reads a token that is cut again from its beginning with each piece that comes. So what comes is gathered until
 * it is as much as yajl would read again: all in all no byte is read more than three times, however long a string or a
 * number is and however it is cut.
 */
#include "json_reader_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The colon before the audio is looked for. Each one inside a string makes yajl read that string once more from its
 * beginning, so there has to be an end to it: so many bytes in a message. What comes later is decoded all the same,
 * when yajl has all of it.
 */
#define REREAD_MAX (16 * 1024)

/* Memory of a message larger than this is not kept for the next one. */
#define KEPT_BYTES (256 * 1024)

struct aic_json_reader *aic_json_reader_new(const struct aic_json_field *fields, size_t count, void *record,
	size_t record_size)
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
	aic_yajl_memory_init(&reader->memory, &reader->arena);
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

static void begin_message(struct aic_json_reader *reader)
{
	reader->begun = true;
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
	aic_json_find_value_field(reader);
	reader->parser = yajl_alloc(&aic_json_callbacks, &reader->memory.functions, reader);
}

static int fail(struct aic_json_reader *reader, yajl_status status)
{
	if (!reader->failed) {
		const char *why = reader->refusal ? reader->refusal : "out of memory";

		snprintf(reader->error, sizeof(reader->error), "%s", status == yajl_status_client_canceled ? why
			: "it is not valid JSON");
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

/*
 * The byte behind the colon: blanks mean nothing, and only a string is decoded. Returns how many bytes were used, 0 or
 * 1.
 */
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

/*
 * Decodes on. Where something else than base64 comes, yajl is told of the string, which begins there as far as it
 * knows.
 */
static yajl_status go_on_with_audio(struct aic_json_reader *reader, const char *bytes, size_t length, size_t *used)
{
	ssize_t taken = aic_json_take_base64(reader, bytes, length);

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

static int take(struct aic_json_reader *reader, const char *bytes, size_t length)
{
	bool gathers;

	if (!reader->begun) {
		begin_message(reader);
	}
	gathers = reader->pending.length + length < reader->held && reader->audio_state != AUDIO_NEXT
		&& reader->audio_state != AUDIO_BEGUN;
	if (!gathers && !reader->pending.length) {
		return process(reader, bytes, length);
	}
	if (aic_buffer_append(&reader->pending, bytes, length)) {
		return fail(reader, yajl_status_client_canceled);
	}
	return gathers ? 0 : process_pending(reader);
}

/* As if a callback had said that memory is short. */
static int run_short(struct aic_json_reader *reader)
{
	reader->refusal = NULL;
	return fail(reader, yajl_status_client_canceled);
}

int aic_json_reader_feed(struct aic_json_reader *reader, const char *bytes, size_t length)
{
	if (reader->begun && reader->failed) {
		return -1;
	}
	return setjmp(reader->memory.out) ? run_short(reader) : take(reader, bytes, length);
}

static int finish(struct aic_json_reader *reader)
{
	yajl_status status = yajl_status_error;

	if (!reader->begun) {
		begin_message(reader);
	}
	if (!reader->failed && !process_pending(reader)) {
		status = yajl_complete_parse(reader->parser);
	}
	if (status == yajl_status_ok) {
		/* It does not see a string behind the value that has no end: given one, there is a value too many. */
		status = yajl_parse(reader->parser, (const unsigned char *) "\"", 1);
	}
	return status == yajl_status_ok ? 0 : fail(reader, status);
}

int aic_json_reader_finish(struct aic_json_reader *reader)
{
	int result = setjmp(reader->memory.out) ? run_short(reader) : finish(reader);

	/* The parser goes with the arena, at the start of the next message. */
	reader->begun = false;
	return result;
}

uint64_t aic_json_reader_work(const struct aic_json_reader *reader)
{
	return reader->work;
}

const char *aic_json_reader_error(const struct aic_json_reader *reader)
{
	return reader->error;
}
