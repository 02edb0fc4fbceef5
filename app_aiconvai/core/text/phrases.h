/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whether what was said is nothing but words of a list: "Mm-hmm. Okay." of "mm-hmm, okay". Pure functions.
 */
#ifndef AIC_PHRASES_H
#define AIC_PHRASES_H

#include <stdbool.h>

/* A text with more letters than this is something else. */
#define AIC_PHRASES_TEXT_MAX 120

/*
 * Whether `text` is made of phrases of `list`, which stand between commas; each may come any number of times. Marks,
 * hyphens and the case of ASCII's letters do not matter. A text without a letter is made of nothing, and so of them.
 */
bool aic_text_is_of_phrases(const char *text, const char *list);

#endif
