/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Agents whose service and options a fuzzer has chosen.
 */
#ifndef FUZZED_AGENT_H
#define FUZZED_AGENT_H

#include "conversation.h"
#include "fuzz_bytes.h"

#include <stdbool.h>

/* To whom an agent of another name may hand the conversation over. */
#define OTHER_AGENT "other"

/* A state of each agent's prompts. */
#define PROMPT_STATE "confirmation"

struct fuzzed_agent {
	struct aic_settings settings;
	struct aic_tools tools;
	struct aic_prompt_settings prompts;
};

/*
 * Takes one byte for the service and eight for the options, each bit of which sets one of those that the service has.
 * Returns false where memory was short, or the options do not go together; there is nothing to free then.
 */
bool fuzzed_agent_make(struct fuzzed_agent *agent, const char *name, struct fuzz_bytes *bytes);
void fuzzed_agent_free(struct fuzzed_agent *agent);

/* It, as a conversation wants it. */
struct aic_agent_choice fuzzed_agent_choice(const struct fuzzed_agent *agent);

#endif
