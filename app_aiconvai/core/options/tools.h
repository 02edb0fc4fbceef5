/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The tools that an agent may call: its lines `tool_NAME = HOW`, and the sections [tool-NAME] that say what they are
 * for.
 */
#ifndef AIC_TOOLS_H
#define AIC_TOOLS_H

#include "settings.h"

/* Most keys, pauses among them, that the agent may press with one call of send_dtmf. */
#define AIC_KEYS_MAX 64

enum aic_tool_run {
	AIC_TOOL_AMI,           /* whoever listens to the event answers, or a program beside Asterisk */
	AIC_TOOL_GOSUB,         /* the host: a subroutine of the dialplan */
	AIC_TOOL_SEND_DTMF,     /* the host: presses keys */
	AIC_TOOL_TRANSFER_CALL, /* the host: sends the call elsewhere, where it can (aic_conversation_transfer()) */
	AIC_TOOL_END_CALL,      /* the engine */
	AIC_TOOL_TRANSFER_TO_AGENT, /* the engine */
	AIC_TOOL_COLLECT_DIGITS, /* the engine */
	AIC_TOOL_ENTER_STATE,   /* the engine */
	AIC_TOOL_PAUSE_RECORDING, /* the engine has the host do it, and so it is with the next */
	AIC_TOOL_RESUME_RECORDING,
};

struct aic_tool {
	char *name;        /* owned, and so on */
	char *description; /* NULL: the service knows what it is for */
	char *parameters;  /* JSON Schema of an object */
	enum aic_tool_run run;
	bool silent;       /* its result asks for no words */
	bool uninterruptible; /* what the agent says about it has to be heard */
	/* AIC_TOOL_GOSUB: CONTEXT[,EXTENSION[,PRIORITY]]; AIC_TOOL_AMI: with what a program runs it, NULL: it knows */
	char *place;
};

struct aic_tools {
	struct aic_tool *items; /* owned */
	size_t count;
};

/* A section [tool-NAME]. */
struct aic_tool_declaration {
	const char *name;
	const struct aic_tool_settings *settings;
};

/*
 * Brings together what the agent of that name has and what is declared, into `tools` (all zeros). `prompt` are the
 * agent's, NULL: none. Every problem is reported; returns how many there were, or -1 when memory is short. Free with
 * aic_tools_clear().
 */
int aic_tools_read(struct aic_tools *tools, const char *agent, const struct aic_settings *settings,
	const struct aic_prompt_settings *prompt, const struct aic_tool_declaration *declared, size_t declared_count,
	aic_problem_fn problem, void *user);
void aic_tools_clear(struct aic_tools *tools);

/* The tool of that name, NULL if the agent has none. */
const struct aic_tool *aic_tools_find(const struct aic_tools *tools, const char *name);

/* "ami", "gosub" or "builtin". */
const char *aic_tool_run_name(enum aic_tool_run run);

#endif
