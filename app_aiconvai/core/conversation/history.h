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

struct aic_history {
	struct aic_buffer lines; /* "Caller: ...\nAgent: ...\n" */
	size_t agent_line;       /* where the agent's last line begins; lines.length: it is not the last one */
};

/*
 * Adds what one of them said. A correction takes the place of the agent's last line. Memory that runs short loses the
 * line.
 */
void aic_history_add(struct aic_history *history, enum aic_role role, enum aic_transcript_kind kind, const char *text);

/* All of it behind `before`, as a text to be freed with free(); NULL when there is none, or when memory is short. */
char *aic_history_text(const struct aic_history *history, const char *before);

void aic_history_free(struct aic_history *history);

#endif
