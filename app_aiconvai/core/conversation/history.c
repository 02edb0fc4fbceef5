/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "history.h"

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define CALLER "Caller: "
#define AGENT "Agent: "

/* Forgets the oldest lines beyond the limit. */
static void enforce_limit(struct aic_history *history)
{
	struct aic_buffer *lines = &history->lines;
	size_t over = lines->length > AIC_HISTORY_MAX ? lines->length - AIC_HISTORY_MAX : 0;
	const uint8_t *end = over ? memchr(lines->bytes + over, '\n', lines->length - over) : NULL;
	size_t length = end ? (size_t) (end - lines->bytes) + 1 : 0, kept = 0;

	aic_buffer_drop_front(lines, length);
	for (size_t i = 0; i < history->recent_count; i++) {
		struct aic_history_line line = history->recent[i];

		if (line.at >= length) {
			line.at -= length;
			history->recent[kept++] = line;
		}
	}
	history->recent_count = kept;
}

/* Where a line of that turn belongs among the recent ones: behind those that were said before it. */
static size_t place_of(const struct aic_history *history, uint64_t turn)
{
	size_t place = history->recent_count;

	while (place && history->recent[place - 1].turn > turn) {
		place--;
	}
	return place;
}

/* Notes a line of so many bytes at that place among the recent ones, where its text was put. */
static void note_line(struct aic_history *history, size_t place, struct aic_history_line line, size_t length)
{
	if (history->recent_count == AIC_HISTORY_RECENT) {
		/* The oldest gives way; a line that would be older still is not noted at all. */
		if (!place) {
			for (size_t i = 0; i < history->recent_count; i++) {
				history->recent[i].at += length;
			}
			return;
		}
		memmove(history->recent, history->recent + 1, (AIC_HISTORY_RECENT - 1) * sizeof(*history->recent));
		history->recent_count--;
		place--;
	}
	for (size_t i = history->recent_count; i > place; i--) {
		history->recent[i] = history->recent[i - 1];
		history->recent[i].at += length;
	}
	history->recent[place] = line;
	history->recent_count++;
}

/* Puts a line where it belongs, before whatever was said after it. */
static void put_line(struct aic_history *history, uint64_t turn, enum aic_role role, const char *text, size_t length)
{
	struct aic_buffer *lines = &history->lines;
	const char *name = role == AIC_ROLE_CALLER ? CALLER : AGENT;
	size_t whole = strlen(name) + length + 1, place = place_of(history, turn);
	struct aic_history_line line = {.turn = turn, .role = role};

	if (!aic_buffer_reserve(lines, whole)) {
		return;
	}
	line.at = place < history->recent_count ? history->recent[place].at : lines->length;
	memmove(lines->bytes + line.at + whole, lines->bytes + line.at, lines->length - line.at);
	memcpy(lines->bytes + line.at, name, strlen(name));
	memcpy(lines->bytes + line.at + strlen(name), text, length);
	lines->bytes[line.at + whole - 1] = '\n';
	lines->length += whole;
	note_line(history, place, line, whole);
}

void aic_history_add(struct aic_history *history, uint64_t turn, enum aic_role role, enum aic_transcript_kind kind,
	const char *text)
{
	struct aic_buffer *lines = &history->lines;
	const struct aic_history_line *last = history->recent_count ? &history->recent[history->recent_count - 1] : NULL;

	if (kind == AIC_TRANSCRIPT_TENTATIVE) {
		return;
	}
	if (kind == AIC_TRANSCRIPT_CORRECTED && last && last->role == AIC_ROLE_AGENT) {
		lines->length = last->at;
		history->recent_count--;
	}
	if (!lines->capacity) {
		/* Once and for all. */
		aic_buffer_reserve(lines, 2 * AIC_HISTORY_MAX);
	}
	put_line(history, turn, role, text, aic_utf8_cut(text, AIC_HISTORY_LINE_MAX));
	enforce_limit(history);
}

int aic_history_load(struct aic_history *history, const char *text)
{
	if (!aic_buffer_reserve(&history->lines, 2 * AIC_HISTORY_MAX)
		|| aic_buffer_append(&history->lines, text, strnlen(text, AIC_HISTORY_MAX))) {
		return -1;
	}
	return 0;
}

bool aic_history_next(const struct aic_history *history, struct aic_said *said)
{
	const char *lines = (const char *) history->lines.bytes, *end = lines + history->lines.length;
	/* Behind the line's end. */
	const char *line = said->text ? said->text + said->length + 1 : lines;
	const char *line_end = line < end ? memchr(line, '\n', (size_t) (end - line)) : NULL;
	size_t prefix;

	if (!line_end) {
		return false;
	}
	said->role = strncmp(line, CALLER, strlen(CALLER)) ? AIC_ROLE_AGENT : AIC_ROLE_CALLER;
	prefix = strlen(said->role == AIC_ROLE_CALLER ? CALLER : AGENT);
	/* What was cut somewhere else may have lost its beginning. */
	prefix = (size_t) (line_end - line) < prefix ? (size_t) (line_end - line) : prefix;
	said->text = line + prefix;
	said->length = (size_t) (line_end - line) - prefix;
	return true;
}

char *aic_history_text(const struct aic_history *history, const char *before)
{
	struct aic_buffer text = {0};

	if (!history->lines.length || aic_buffer_append(&text, before, strlen(before))
		|| aic_buffer_append(&text, history->lines.bytes, history->lines.length) || aic_buffer_append(&text, "", 1)) {
		aic_buffer_free(&text);
		return NULL;
	}
	return (char *) text.bytes;
}

void aic_history_free(struct aic_history *history)
{
	aic_buffer_free(&history->lines);
}
