/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "tool_calls.h"

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

static void free_call(struct aic_tool_call *call)
{
	free(call->id);
	free(call->shown);
	free(call->name);
}

int aic_tool_calls_add(struct aic_tool_calls *calls, const char *id, const char *name, const char *destination,
	uint64_t due_us)
{
	struct aic_tool_call call = {.destination = destination, .due_us = due_us};

	if (calls->count == AIC_TOOL_CALLS_MAX) {
		return -1;
	}
	call.id = strdup(id);
	call.shown = strdup(id);
	call.name = strdup(name);
	if (!call.id || !call.shown || !call.name) {
		free_call(&call);
		return -1;
	}
	aic_utf8_line(call.shown, strlen(id) + 1, id);
	calls->calls[calls->count++] = call;
	return 0;
}

struct aic_tool_call *aic_tool_calls_find(struct aic_tool_calls *calls, const char *id)
{
	for (size_t i = 0; i < calls->count; i++) {
		if (!strcmp(calls->calls[i].id, id)) {
			return &calls->calls[i];
		}
	}
	return NULL;
}

struct aic_tool_call *aic_tool_calls_find_shown(struct aic_tool_calls *calls, const char *shown)
{
	for (size_t i = 0; i < calls->count; i++) {
		if (!strcmp(calls->calls[i].shown, shown)) {
			return &calls->calls[i];
		}
	}
	return NULL;
}

struct aic_tool_call *aic_tool_calls_next_due(struct aic_tool_calls *calls)
{
	struct aic_tool_call *first = NULL;

	for (size_t i = 0; i < calls->count; i++) {
		if (!first || calls->calls[i].due_us < first->due_us) {
			first = &calls->calls[i];
		}
	}
	return first;
}

void aic_tool_calls_remove(struct aic_tool_calls *calls, struct aic_tool_call *call)
{
	free_call(call);
	*call = calls->calls[--calls->count];
}

void aic_tool_calls_clear(struct aic_tool_calls *calls)
{
	while (calls->count) {
		aic_tool_calls_remove(calls, &calls->calls[0]);
	}
}
