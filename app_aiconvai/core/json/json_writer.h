/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Writes JSON messages, one after the other. Texts from outside (caller names, header values, tool results) may hold
 * anything: what is not UTF-8 becomes U+FFFD, so that a message is always valid. Memory that runs short shows in
 * aic_json_writer_text(). After the first messages a writer allocates no more. Not thread-safe: one owner.
 */
#ifndef AIC_JSON_WRITER_H
#define AIC_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_json_writer;

/* Returns NULL when memory is short; every other function then does nothing. */
struct aic_json_writer *aic_json_writer_new(void);
void aic_json_writer_free(struct aic_json_writer *writer);

/*
 * Forgets the message so far: what is written next is another one. Memory is kept for it, unless a rare long message
 * made it much.
 */
void aic_json_writer_reset(struct aic_json_writer *writer);

/* `key` names the value inside an object; NULL inside an array and at the top. */
void aic_json_open_object(struct aic_json_writer *writer, const char *key);
void aic_json_close_object(struct aic_json_writer *writer);
void aic_json_open_array(struct aic_json_writer *writer, const char *key);
void aic_json_close_array(struct aic_json_writer *writer);
void aic_json_put_text(struct aic_json_writer *writer, const char *key, const char *text);
void aic_json_put_integer(struct aic_json_writer *writer, const char *key, int64_t value);
void aic_json_put_number(struct aic_json_writer *writer, const char *key, double value); /* up to six digits */
void aic_json_put_boolean(struct aic_json_writer *writer, const char *key, bool value);
/* a value that is written already */
void aic_json_put_json(struct aic_json_writer *writer, const char *key, const char *json);
void aic_json_put_null(struct aic_json_writer *writer, const char *key);

/*
 * The message so far, not terminated, valid until more is written or the writer is reset or freed; NULL if memory ran
 * short.
 */
const char *aic_json_writer_text(const struct aic_json_writer *writer, size_t *length);

#endif
