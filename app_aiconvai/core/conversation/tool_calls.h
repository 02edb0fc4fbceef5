/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Tool calls the agent waits for. Not thread-safe: it belongs to a conversation.
 */
#ifndef AIC_TOOL_CALLS_H
#define AIC_TOOL_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* Most tool calls open at once (hard limit); a further one is answered with an error at once. */
#define AIC_TOOL_CALLS_MAX 32

struct aic_tool_call {
	char *id;   /* owned; the service's */
	char *shown; /* owned; the same as a line (utf8.h), by which everybody else knows the call */
	char *name; /* owned */
	const char *destination; /* of a transfer: a line of transfer_to; NULL: of another tool, or there is no such line */
	uint64_t due_us; /* when the agent is told that nobody answered */
};

struct aic_tool_calls {
	struct aic_tool_call calls[AIC_TOOL_CALLS_MAX];
	size_t count;
};

/* Returns 0, or -1 when full or when memory is short. */
int aic_tool_calls_add(struct aic_tool_calls *calls, const char *id, const char *name, const char *destination,
	uint64_t due_us);

/*
 * The open call that the service knows by that id, and the one that everybody else does; NULL if there is none. Valid
 * until the table changes.
 */
struct aic_tool_call *aic_tool_calls_find(struct aic_tool_calls *calls, const char *id);
struct aic_tool_call *aic_tool_calls_find_shown(struct aic_tool_calls *calls, const char *shown);

/* The open call that is due first, NULL if there is none. */
struct aic_tool_call *aic_tool_calls_next_due(struct aic_tool_calls *calls);

void aic_tool_calls_remove(struct aic_tool_calls *calls, struct aic_tool_call *call);
void aic_tool_calls_clear(struct aic_tool_calls *calls);

#endif
