/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whatever comes as a message of JSON, in whatever pieces: the same is read of it as of the whole, its cost is its
 * length, and what is taken for JSON is.
 *
 *     2 bytes: from which allocation on memory is short; 1: how long the pieces are; then messages, each behind its
 *     length of two bytes
 */
#include "engine_memory.h"
#include "fuzz_bytes.h"
#include "json_check.h"
#include "json_reader.h"
#include "require.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All kinds of values, at the paths that the services use and at others. */
struct record {
	struct aic_text type, text, raw, part;
	struct aic_json_bytes audio, parts;
	struct aic_json_integer integer;
	struct aic_json_number number;
	struct aic_json_boolean boolean;
	struct aic_json_list list;
	struct aic_text delta, transcript;
	struct aic_json_object rest;
};

static const struct aic_json_field fields[] = {
	{"type", AIC_JSON_STRING, offsetof(struct record, type)},
	{"text", AIC_JSON_STRING, offsetof(struct record, text)},
	{"a.raw", AIC_JSON_RAW, offsetof(struct record, raw)},
	{"parts[].text", AIC_JSON_STRING, offsetof(struct record, part)},
	{"audio", AIC_JSON_BASE64, offsetof(struct record, audio)},
	{"parts[].data", AIC_JSON_BASE64, offsetof(struct record, parts)},
	{"event_id", AIC_JSON_INTEGER, offsetof(struct record, integer)},
	{"score", AIC_JSON_NUMBER, offsetof(struct record, number)},
	{"is_final", AIC_JSON_BOOLEAN, offsetof(struct record, boolean)},
	{"calls[]", AIC_JSON_LIST, offsetof(struct record, list)},
	{"delta|.transcript", AIC_JSON_STRING, offsetof(struct record, transcript)},
	{"delta", AIC_JSON_STRING, offsetof(struct record, delta)},
	{"*", AIC_JSON_OBJECT, offsetof(struct record, rest)},
};

/* A message costs no more than its bytes three times, and what is read again to find its audio. */
#define WORK_MAX(length) (3 * (length) + 2 * 16384)

static bool same_text(struct aic_text a, struct aic_text b)
{
	if (!a.bytes || !b.bytes) {
		return a.bytes == b.bytes;
	}
	require(a.bytes[a.length] == '\0' && b.bytes[b.length] == '\0');
	return a.length == b.length && !memcmp(a.bytes, b.bytes, a.length);
}

static bool same_bytes(const struct aic_json_bytes *a, const struct aic_json_bytes *b)
{
	if (a->present != b->present || a->malformed != b->malformed) {
		return false;
	}
	return !a->present || a->malformed || (a->length == b->length && !memcmp(a->bytes, b->bytes, a->length));
}

static bool same_list(const struct aic_json_list *a, const struct aic_json_list *b)
{
	const struct aic_json_element *one = a->first, *other = b->first;

	require(a->count <= AIC_ELEMENTS_MAX);
	for (; one && other && same_text(one->json, other->json); one = one->next, other = other->next) {
		require(is_json(one->json.bytes, one->json.length));
	}
	return !one && !other && a->count == b->count;
}

static bool same_object(const struct aic_json_object *a, const struct aic_json_object *b)
{
	const struct aic_json_member *one = a->first, *other = b->first;

	require(a->count <= AIC_MEMBERS_MAX);
	while (one && other && same_text(one->name, other->name) && same_text(one->value, other->value)) {
		one = one->next;
		other = other->next;
	}
	return !one && !other && a->count == b->count;
}

static bool same_number(const struct aic_json_number *a, const struct aic_json_number *b)
{
	return a->present == b->present && (!a->present || (isfinite(a->value) && !(a->value < b->value)
		&& !(a->value > b->value)));
}

static bool same(const struct record *a, const struct record *b)
{
	return same_text(a->type, b->type) && same_text(a->text, b->text) && same_text(a->raw, b->raw)
		&& same_text(a->part, b->part) && same_bytes(&a->audio, &b->audio) && same_bytes(&a->parts, &b->parts)
		&& a->integer.present == b->integer.present && a->integer.value == b->integer.value
		&& same_number(&a->number, &b->number) && a->boolean.present == b->boolean.present
		&& a->boolean.value == b->boolean.value && same_list(&a->list, &b->list) && same_text(a->delta, b->delta)
		&& same_text(a->transcript, b->transcript) && same_object(&a->rest, &b->rest);
}

/* Returns whether it was read. Each piece lies in memory of its own. */
static bool read_message(struct aic_json_reader *reader, const uint8_t *bytes, size_t length, size_t most)
{
	uint64_t before = aic_json_reader_work(reader);
	bool is_good = true;

	for (size_t at = 0; at < length && is_good;) {
		size_t some = length - at < most ? length - at : most;
		char *piece = own_copy(bytes + at, some);

		is_good = !aic_json_reader_feed(reader, piece, some);
		own_free(piece);
		at += some;
	}
	if (aic_json_reader_finish(reader)) {
		is_good = false;
	}
	require(aic_json_reader_work(reader) - before <= WORK_MAX(length));
	require(aic_json_reader_error(reader) != NULL);
	return is_good;
}

static void read_both(struct aic_json_reader *readers[2], struct record records[2], struct fuzz_bytes bytes,
	size_t most)
{
	while (bytes.left) {
		size_t length = fuzz_u16(&bytes);
		const uint8_t *message = fuzz_take(&bytes, &length);
		bool whole = read_message(readers[0], message, length, length);
		bool cut = read_message(readers[1], message, length, most);

		if (!engine_memory_refused()) {
			require(whole == cut);
			/* It may refuse what is deeper than it goes, or more; it never takes what is none. */
			require(!whole || is_json(message, length));
			require(!whole || same(&records[0], &records[1]));
			require(!whole || !records[0].raw.bytes || is_json(records[0].raw.bytes, records[0].raw.length));
		}
		aic_json_reader_trim(readers[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};
	struct record records[2];
	struct aic_json_reader *readers[2];
	size_t before = engine_memory_now(), most;

	engine_memory_begin(fuzz_u16(&bytes), UINT32_MAX);
	most = fuzz_byte(&bytes) % 64 + 1u;
	for (int i = 0; i < 2; i++) {
		readers[i] = aic_json_reader_new(fields, sizeof(fields) / sizeof(fields[0]), &records[i], sizeof(records[i]));
	}
	if (readers[0] && readers[1]) {
		read_both(readers, records, bytes, most);
	} else {
		require(engine_memory_refused());
	}
	aic_json_reader_free(readers[0]);
	aic_json_reader_free(readers[1]);
	require(engine_memory_now() == before);
	engine_memory_begin(0, 0);
	return 0;
}
