/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * All there is to tell about a running conversation, taken in one piece: for the CLI and for manager actions.
 */
#ifndef AIC_SESSION_REPORT_H
#define AIC_SESSION_REPORT_H

#include "conversation.h"
#include "session.h"

struct session_report {
	struct session_identity identity;
	int ended;
	struct aic_outcome outcome; /* where it ended */
	struct aic_conversation_stats conversation;
	struct aic_playout_stats playout;
	uint64_t duration_ms;
	uint64_t frames_received, frames_played, frames_late, frames_lost, frames_idle, frames_refused, events_dropped;
};

/*
 * Fills in the report. Waits for the loop; no lock may be held. Returns 0, or -1 when the call is over.
 */
int session_report(struct session *session, struct session_report *report);

static inline double milliseconds(uint64_t us)
{
	return (double) us / 1000;
}

/* How long each part of a connection took, and the reply to what was asked, which is called that. Returns `buffer`. */
const char *describe_opening(const struct aic_open_times *times, const char *reply, char *buffer, size_t size);

#endif
