/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A trial of an agent: a conversation without a call, made by the loops and the engine that calls are made with, which
 * ends as soon as the agent has been heard. It is told as a list of steps, each with its time. It is no call: no limit
 * of calls holds for it, no journal has it, and managers are told of nothing but its result. Another agent does not
 * take over, and nobody answers its tools.
 */
#ifndef AIC_AGENT_TRIAL_H
#define AIC_AGENT_TRIAL_H

#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>

struct agent;

/* So many at once: each is a conversation that a service may charge for. */
#define AGENT_TRIALS_MAX 4

/* Until it is ready; from then on until its first audio, which an agent need not send by itself. */
#define AGENT_TRIAL_SECONDS 30
#define AGENT_TRIAL_AUDIO_SECONDS 5

struct trial_step {
	const char *name; /* "WebSocket" */
	bool failed;
	double ms;        /* how long it took; below 0: does not matter */
	char text[AIC_ERROR_MAX];
};

#define TRIAL_STEPS_MAX 8

struct agent_trial_report {
	char agent[80];
	bool is_good; /* it can be talked with */
	struct trial_step steps[TRIAL_STEPS_MAX];
	size_t count;
};

/*
 * Tries it, and waits for that. Any thread that may: nothing locked, none that audio needs. Returns 0, or -1 where too
 * many are being tried, or memory is short.
 */
int agent_trial_run(struct agent *agent, struct agent_trial_report *report);

/*
 * The same on a thread of its own, which tells managers of the result (AIConvAITrial); `action_id` is copied. Returns 0
 * or -1.
 */
int agent_trial_begin(struct agent *agent, const char *action_id);

/* Ends those threads. No session may be left. */
void agent_trials_stop(void);

#endif
