/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The configured agents. A configuration is an immutable snapshot: a reload builds a new one and swaps one pointer;
 * calls that run keep the agent they began with.
 */
#ifndef AIC_AGENTS_H
#define AIC_AGENTS_H

#include "conversation.h"
#include "settings.h"
#include "tools.h"

struct ao2_container;

/* ao2 object, immutable. */
struct agent {
	char *name; /* owned */
	struct aic_settings settings;
	struct aic_tools tools;
	struct prompts *prompts; /* owned reference; NULL: none */
};

/* A section [prompt-NAME]: ao2 object, never changed once it is loaded. */
struct prompts {
	char *name; /* owned */
	struct aic_prompt_settings settings;
};

/* ao2 object, immutable but for what is cached. */
struct configuration {
	char *file;                    /* the file it came from, NULL: there was none */
	struct aic_settings general;
	struct ao2_container *agents;  /* of struct agent */
	struct ao2_container *sounds;  /* of ambience_sound.h: those that calls have wanted so far */
};

/*
 * Reads aiconvai.conf, or elevenlabs.conf where that does not exist, and puts it in force. Problems are logged, and
 * written to the CLI on `fd` where it is not -1. Returns 0, or -1 with the configuration in force left as it was.
 */
int agents_load(int fd);

/*
 * Puts an empty configuration in force, for a module that is loaded with a broken file. Returns 0, or -1 when memory is
 * short.
 */
int agents_load_nothing(void);

/* The configuration in force, with a reference for the caller; NULL before the first load and after agents_unload(). */
struct configuration *agents_configuration(void);

/* The agent of that name (upper and lower case alike), with a reference for the caller, or NULL. */
struct agent *agents_find(const struct configuration *configuration, const char *name);

/* As the engine is given it; valid as long as the agent is. */
struct aic_agent_choice agent_choice(const struct agent *agent);

/* Where an agent is reached, without what may be secret in it: written to `buffer`, which is returned. */
const char *agent_endpoint(const struct agent *agent, char *buffer, size_t size);

/* Most agents that one call tries after the first. */
#define AGENTS_CHAIN_MAX 8

/*
 * Those that take a call where `agent` cannot (option failover), each with a reference for the caller. Returns how
 * many.
 */
size_t agents_failover(const struct configuration *configuration, const struct agent *agent,
	struct agent *others[AGENTS_CHAIN_MAX]);

void agents_unload(void);

#endif
