/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef AIC_UTF8_H
#define AIC_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
bool aic_utf8_is_valid(const char *text);

/*
 * Returns a copy of `text` in which every byte that is no part of well-formed UTF-8 is replaced by U+FFFD. Free it with
 * free(). NULL when memory is short.
 */
char *aic_utf8_repair(const char *text);

/*
 * Copies what came from outside into `to` (`size` bytes, terminated) as one line for logs, terminals and protocols of
 * lines. What drives a terminal or changes how a line reads becomes a blank: control characters (C0, DEL and C1), the
 * separators of lines and paragraphs, and those that override or isolate the direction of writing. Bytes that are no
 * part of well-formed UTF-8 become question marks. A character that does not fit whole is left out with all that
 * follows. Nothing gets longer by it, so that `to` may be `from`.
 */
void aic_utf8_line(char *to, size_t size, const char *from);

/* How many bytes of `text`, at most `most`, are whole characters: where to cut it. */
size_t aic_utf8_cut(const char *text, size_t most);

/*
 * How many bytes of `text`, at most `most`, are such a line already, in whole characters. All of it is one where the
 * text ends there.
 */
size_t aic_utf8_line_span(const char *text, size_t most);

#endif
