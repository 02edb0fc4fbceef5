/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The pings of a conversation: one every two seconds, whose pong is to come within ten.
 */
#ifndef FAR_END_PINGS_H
#define FAR_END_PINGS_H

#include "facts.h"
#include "outgoing.h"
#include "services/service.h"
#include "timers.h"

#include <stdbool.h>
#include <stdint.h>

/* More than are sent in the time a pong may take. */
#define PINGS_KEPT 8

struct pings {
	const struct service *service;
	struct outgoing *outgoing;
	struct conversation_counts *counts;
	const char *agent;
	struct timer timer;
	struct {
		int64_t event_id; /* 0: none */
		uint64_t sent_us;
		bool answered;
		bool missed; /* said to be a violation already */
	} sent[PINGS_KEPT];
};

/* What is given must outlive the pings; the service must have some. */
void pings_start(struct pings *pings, const struct service *service, struct outgoing *outgoing,
	struct conversation_counts *counts, const char *agent);
void pings_stop(struct pings *pings);

/* Takes a pong. */
void pings_answered(struct pings *pings, int64_t event_id);

#endif
