/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What was said in a conversation, as far as the service told: for a session that takes over from another one. The
 * latest part of it is kept, in whole lines. Not thread-safe: it belongs to a conversation.
 */
#ifndef AIC_HISTORY_H
#define AIC_HISTORY_H

#include "buffer.h"
#include "events.h"

/* Most bytes kept. */
#define AIC_HISTORY_MAX 4000

/* Most bytes of what was said at once: of more its beginning is kept. */
#define AIC_HISTORY_LINE_MAX 2000

/* Among so many latest lines one that comes late is put in its place; before that, at their beginning. */
#define AIC_HISTORY_RECENT 8

/* A line, and where it begins. */
struct aic_history_line {
	uint64_t turn;
	size_t at;
	enum aic_role role;
};

struct aic_history {
	struct aic_buffer lines; /* "Caller: ...\nAgent: ...\n" */
	struct aic_history_line recent[AIC_HISTORY_RECENT]; /* the latest, in their order */
	size_t recent_count;
};

/*
 * Adds what one of them said in that turn (turns.h), behind what was said before it. A correction takes the place of
 * the agent's line, if that is the last one. Memory that runs short loses the line.
 */
void aic_history_add(struct aic_history *history, uint64_t turn, enum aic_role role, enum aic_transcript_kind kind,
	const char *text);

/* Takes over what aic_history_text() told of another conversation. Returns 0, or -1 when memory is short. */
int aic_history_load(struct aic_history *history, const char *text);

/* A line of it. */
struct aic_said {
	enum aic_role role;
	const char *text; /* not terminated; NULL: the next is the first one */
	size_t length;
};

/* Goes on to the next line. Returns false where there is none. */
bool aic_history_next(const struct aic_history *history, struct aic_said *said);

/* All of it behind `before`, as a text to be freed with free(); NULL when there is none, or when memory is short. */
char *aic_history_text(const struct aic_history *history, const char *before);

void aic_history_free(struct aic_history *history);

#endif
