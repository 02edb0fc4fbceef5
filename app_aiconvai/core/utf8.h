/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef AIC_UTF8_H
#define AIC_UTF8_H

/*
 * Returns a copy of `text` in which every byte that is no part of well-formed UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF) is replaced by U+FFFD. Free it with free(). NULL when memory is short.
 */
char *aic_utf8_repair(const char *text);

#endif
