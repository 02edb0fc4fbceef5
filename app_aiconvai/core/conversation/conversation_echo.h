/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The agent does not hear itself: while its own voice is all that comes from the line, the service is sent silence in
 * its place (echo_guard.h). What came last is kept, so that a caller who begins to speak is heard from the first
 * sound on. Where the agent is to hear all that comes (echo_guard = off) it is only looked, while it says its first
 * sentences, whether its voice comes back.
 */
#ifndef AIC_CONVERSATION_ECHO_H
#define AIC_CONVERSATION_ECHO_H

#include "buffer.h"
#include "echo_guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;

struct aic_echo {
	struct aic_fft *fft;          /* the host's; NULL: it has none, and nothing is told from the caller */
	struct aic_echo_guard *guard; /* owned; NULL: looked long enough, or the agent has not been heard yet */
	struct aic_buffer kept;       /* what came last while it was the agent's voice */
	bool is_told;                 /* that it comes back */
	struct aic_echo_report told;  /* with what */
	size_t looked_bytes;          /* of the voice of an agent that hears all that comes was looked at */
};

void aic_echo_free(struct aic_echo *echo);

/*
 * With a guard: whether what came from the line now is, or may be, the caller. Where not, it has been taken care of.
 * Where it is again, what was kept is to be taken first (aic_echo_kept()).
 */
bool aic_echo_is_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length);

/* What was kept and is the caller's; it is not kept any more, and valid until more comes. */
const uint8_t *aic_echo_kept(struct aic_conversation *conversation, size_t *length);

/* What there is to tell of it. */
void aic_echo_stats(const struct aic_echo *echo, struct aic_echo_report *report);

#endif
