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
 * Returns a copy of `text` in which every byte that is no part of well-formed UTF-8 is replaced by U+FFFD. Free it with free().
 * NULL when memory is short.
 */
char *aic_utf8_repair(const char *text);

/*
 * Copies what a service said into `to` (`size` bytes, terminated) as one line for logs, terminals and protocols of lines: control
 * characters become blanks, bytes that are no part of well-formed UTF-8 question marks; a character that does not fit whole is left
 * out with all that follows.
 */
void aic_utf8_line(char *to, size_t size, const char *from);

#endif
