/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Reads one JSON message, in whatever pieces it arrives, and picks out the values a provider named in a table.
 *
 * A field is named by its path ("audio_event.event_id"; "[]" stands for any element of an array) and goes to an offset
 * in the provider's record. Values that nobody named are skipped without a copy. Audio in base64 is decoded as it
 * arrives, straight from the pieces. A value of another type than the table's leaves the field absent: the services add
 * things over time, and a message must not be lost for a field that changed. Not thread-safe: one owner.
 *
 * A message costs its bytes, however it is cut and whatever is in it: a string that is not over yet is not read again
 * with every piece, but when as much has come as would be read again.
 */
#ifndef AIC_JSON_READER_H
#define AIC_JSON_READER_H

#include "bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text of a message, terminated; `bytes` is NULL when absent or null. */
struct aic_text {
	const char *bytes;
	size_t length;
};

/* The elements of an array, in their order. */
struct aic_json_element {
	struct aic_text json; /* as AIC_JSON_RAW */
	const struct aic_json_element *next;
};

struct aic_json_list {
	const struct aic_json_element *first; /* NULL: there are none */
	struct aic_json_element *last;        /* the reader's */
	size_t count;                         /* AIC_ELEMENTS_MAX at the most: a message with more is refused */
};

/* The members of an object that are a text, a number (as it is written) or a boolean, in their order. */
struct aic_json_member {
	struct aic_text name, value;
	const struct aic_json_member *next;
};

struct aic_json_object {
	const struct aic_json_member *first; /* NULL: there are none */
	struct aic_json_member *last;        /* the reader's */
	size_t count;                        /* AIC_MEMBERS_MAX at the most: a message with more is refused */
};

struct aic_json_bytes {
	const uint8_t *bytes;
	size_t length;
	bool present;
	bool malformed; /* it was there, but was not base64 */
};

struct aic_json_integer {
	int64_t value;
	bool present;
};

struct aic_json_number {
	double value;
	bool present;
};

struct aic_json_boolean {
	bool value;
	bool present;
};

enum aic_json_kind {
	AIC_JSON_STRING,  /* struct aic_text */
	AIC_JSON_BASE64,  /* struct aic_json_bytes; what comes again, in an array or elsewhere, is appended */
	AIC_JSON_INTEGER, /* struct aic_json_integer; a number without a fraction */
	AIC_JSON_NUMBER,  /* struct aic_json_number */
	AIC_JSON_BOOLEAN, /* struct aic_json_boolean */
	AIC_JSON_RAW,     /* struct aic_text: the value itself as JSON, of any type */
	/* struct aic_json_list: every value at this path (one that ends with "[]") as JSON, of any type */
	AIC_JSON_LIST,
	/* struct aic_json_object: the message's members that have no field of their own; the last field, its path is "*" */
	AIC_JSON_OBJECT,
};

/*
 * "audio.data", "parts[].text"; "delta|.transcript" is `delta` in messages whose first field, a string, has come before
 * and holds ".transcript": for services that give one name to things of several kinds. It goes before a field of the
 * same path without that.
 */
struct aic_json_field {
	const char *path;
	enum aic_json_kind kind;
	size_t offset; /* in the record */
};

struct aic_json_reader;

/*
 * `fields` must outlive the reader; `record` (of `record_size` bytes) too, it belongs to the caller and is cleared when
 * a message begins. Returns NULL when memory is short.
 */
struct aic_json_reader *aic_json_reader_new(const struct aic_json_field *fields, size_t count, void *record,
	size_t record_size);
void aic_json_reader_free(struct aic_json_reader *reader);

/* The next piece of the message. Returns 0, or -1 when it is not JSON (aic_json_reader_error() says why). */
int aic_json_reader_feed(struct aic_json_reader *reader, const char *bytes, size_t length);

/*
 * The message is complete: returns 0 and the record is filled, its texts valid until the next message begins; or -1
 * when what came is not one whole JSON value. Either way the next feed begins a new message.
 */
int aic_json_reader_finish(struct aic_json_reader *reader);

/*
 * The record of the last message is not needed any more: gives back memory that a rare large one took. Between
 * messages.
 */
void aic_json_reader_trim(struct aic_json_reader *reader);

/* Bytes that the parser was given so far, those that it was given again included: what reading cost. */
uint64_t aic_json_reader_work(const struct aic_json_reader *reader);

/* Why the last feed or finish failed; never NULL. */
const char *aic_json_reader_error(const struct aic_json_reader *reader);

#endif
