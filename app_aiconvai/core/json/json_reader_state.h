/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a reader holds. Private to json_reader.c (pieces: what the parser is given, and when) and json_values.c (what
 * the parser tells: paths, and the values that go to the record); everybody else uses json_reader.h.
 */
#ifndef AIC_JSON_READER_STATE_H
#define AIC_JSON_READER_STATE_H

#include "arena.h"
#include "base64.h"
#include "buffer.h"
#include "json_reader.h"
#include "yajl_memory.h"

#include <sys/types.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

/* A path that is longer names no field. */
#define PATH_MAX_LENGTH 256

/* Deeper nesting than this is refused: no service sends it, and a stack has to end somewhere. */
#define DEPTH_MAX 64

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
	struct aic_yajl_memory memory;
	bool begun; /* a message has */
	yajl_handle parser; /* lives in the arena */
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

/* --- json_values.c --- */

/* What the parser is made with; its context is the reader. */
extern const yajl_callbacks aic_json_callbacks;

/*
 * Decodes the beginning of a text, up to the first character outside the alphabet. Returns how much, or -1 when memory
 * is short.
 */
ssize_t aic_json_take_base64(struct aic_json_reader *reader, const char *text, size_t length);

/* Looks up the field of a value that may come without a key before it: in an array, or as the whole message. */
void aic_json_find_value_field(struct aic_json_reader *reader);

#endif
