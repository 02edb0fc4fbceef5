/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "history.h"

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

/* Forgets the oldest lines beyond the limit. */
static void enforce_limit(struct aic_history *history)
{
	struct aic_buffer *lines = &history->lines;
	size_t over = lines->length > AIC_HISTORY_MAX ? lines->length - AIC_HISTORY_MAX : 0;
	const uint8_t *end = over ? memchr(lines->bytes + over, '\n', lines->length - over) : NULL;
	size_t length = end ? (size_t) (end - lines->bytes) + 1 : 0;

	aic_buffer_drop_front(lines, length);
	history->agent_line = history->agent_line > length ? history->agent_line - length : 0;
}

void aic_history_add(struct aic_history *history, enum aic_role role, enum aic_transcript_kind kind, const char *text)
{
	struct aic_buffer *lines = &history->lines;
	const char *name = role == AIC_ROLE_CALLER ? "Caller: " : "Agent: ";
	size_t at, length = aic_utf8_cut(text, AIC_HISTORY_LINE_MAX);

	if (kind == AIC_TRANSCRIPT_TENTATIVE) {
		return;
	}
	if (kind == AIC_TRANSCRIPT_CORRECTED && history->agent_line < lines->length) {
		lines->length = history->agent_line;
	}
	if (!lines->capacity) {
		/* Once and for all. */
		aic_buffer_reserve(lines, 2 * AIC_HISTORY_MAX);
	}
	at = lines->length;
	if (aic_buffer_append(lines, name, strlen(name)) || aic_buffer_append(lines, text, length)
		|| aic_buffer_append(lines, "\n", 1)) {
		lines->length = at;
		return;
	}
	history->agent_line = role == AIC_ROLE_AGENT ? at : lines->length;
	enforce_limit(history);
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
