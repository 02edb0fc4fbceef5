/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "phrases.h"

#include <stddef.h>
#include <string.h>

/*
 * Bytes at `text` that are part of no word: of ASCII all but letters and digits; beyond it the general marks (U+2000 to
 * U+203F: dashes, quotation marks, the ellipsis) and those of Chinese and Japanese (U+3000 to U+303F). 0: a letter.
 */
static size_t mark_length(const char *text)
{
	unsigned char first = (unsigned char) text[0];

	if (first < 0x80) {
		bool is_letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')
			|| (first >= '0' && first <= '9');

		return !is_letter;
	}
	return !strncmp(text, "\xe2\x80", 2) || !strncmp(text, "\xe3\x80", 2) ? strnlen(text, 3) : 0;
}

/*
 * Writes the words of `length` bytes of text with one blank behind each. Returns how long that is, or SIZE_MAX where
 * there is more of it than `size`.
 */
static size_t write_words(const char *text, size_t length, char *words, size_t size)
{
	const char *end = text + length;
	size_t at = 0;

	while (text < end) {
		size_t mark = mark_length(text);

		if (!mark) {
			if (at + 2 > size) {
				return (size_t) -1;
			}
			words[at++] = (char) (*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
			text++;
		} else {
			if (at && words[at - 1] != ' ') {
				words[at++] = ' ';
			}
			text += mark;
		}
	}
	if (at && words[at - 1] != ' ') {
		words[at++] = ' ';
	}
	return at;
}

/* Length of the longest phrase that the words begin with; 0: none. */
static size_t longest_phrase(const char *words, size_t length, const char *list)
{
	size_t longest = 0;

	while (*list) {
		char phrase[AIC_PHRASES_TEXT_MAX];
		size_t entry = strcspn(list, ",");
		size_t letters = write_words(list, entry, phrase, sizeof(phrase));

		if (letters != (size_t) -1 && letters > longest && letters <= length && !memcmp(words, phrase, letters)) {
			longest = letters;
		}
		list += entry + (list[entry] == ',');
	}
	return longest;
}

bool aic_text_is_of_phrases(const char *text, const char *list)
{
	char words[AIC_PHRASES_TEXT_MAX];
	size_t length = write_words(text, strlen(text), words, sizeof(words));

	if (length == (size_t) -1) {
		return false;
	}
	for (size_t at = 0, phrase; at < length; at += phrase) {
		if (!(phrase = longest_phrase(words + at, length - at, list))) {
			return false;
		}
	}
	return true;
}
