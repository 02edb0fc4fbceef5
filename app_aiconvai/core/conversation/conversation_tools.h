/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The tools that the agent has called, and what becomes of them.
 */
#ifndef AIC_CONVERSATION_TOOLS_H
#define AIC_CONVERSATION_TOOLS_H

#include "tool_calls.h"

#include <stdbool.h>

struct aic_conversation;

struct aic_tools_at_work {
	struct aic_tool_calls calls; /* nobody has answered */
	uint64_t end_called_us; /* when the agent called a tool that ends the conversation; UINT64_MAX: it has not */
};

/* The agent calls a tool. */
void aic_conversation_call_tool(struct aic_conversation *conversation, const char *id, const char *name,
	const char *parameters);

/*
 * What becomes of the caller's audio while a tool has not answered (option audio_during_tools): the service does not
 * get it, or gets it later.
 */
bool aic_tools_silence_caller(const struct aic_conversation *conversation);
bool aic_tools_keep_caller_waiting(const struct aic_conversation *conversation);

/* Nobody waits for an answer to that call any more: it had that result, or NULL: none was given. */
void aic_conversation_forget_tool_call(struct aic_conversation *conversation, struct aic_tool_call *call,
	const struct aic_tool_result *result);
void aic_conversation_forget_tool_calls(struct aic_conversation *conversation);

/* The call that the agent waits for, by the id that the host knows. NULL: it waits for none of that id. */
struct aic_tool_call *aic_tools_find_awaited(struct aic_conversation *conversation, const char *id);

/*
 * The connection is gone, or of no use any more: a conversation that the agent had ended is over, however that came
 * about. Returns whether it was one.
 */
bool aic_tools_end_had_been_called(struct aic_conversation *conversation, uint16_t close_code);

/* Tells the agent of tools that did not answer in time; ends the conversation that the agent has ended. */
uint64_t aic_tools_due(const struct aic_conversation *conversation);
bool aic_tools_attend(struct aic_conversation *conversation);

#endif
