/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The agent that has the conversation, and what it is told about the call.
 */
#ifndef AIC_CONVERSATION_AGENT_H
#define AIC_CONVERSATION_AGENT_H

#include <stdbool.h>
#include <stddef.h>

struct aic_agent_choice;
struct aic_conversation;
struct aic_conversation_setup;

/*
 * Adds a copy of a variable, or replaces the value of the one of that name (whose length is given). Returns false when
 * memory is short.
 */
bool aic_conversation_set_variable(struct aic_conversation *conversation, const char *name, size_t name_length,
	const char *value);
bool aic_conversation_has_variable(const struct aic_conversation *conversation, const char *name, size_t name_length);

/* Copies what the agent is told about the call. Returns false when memory is short. */
bool aic_conversation_copy_variables(struct aic_conversation *conversation, const struct aic_conversation_setup *setup);

/*
 * The conversation is with this agent from now on. Returns false when memory is short. Not from inside a provider's
 * function.
 */
bool aic_conversation_take_agent(struct aic_conversation *conversation, const struct aic_agent_choice *agent);
void aic_conversation_forget_agent(struct aic_conversation *conversation);

#endif
