/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "pings.h"

#include <inttypes.h>

#define PERIOD_US UINT64_C(2000000)
#define ANSWER_LIMIT_US UINT64_C(10000000)

_Static_assert(PINGS_KEPT * PERIOD_US > ANSWER_LIMIT_US + PERIOD_US,
	"a ping is judged before the next one takes its place");

static void judge(struct pings *pings, uint64_t now)
{
	for (size_t i = 0; i < PINGS_KEPT; i++) {
		if (pings->sent[i].event_id && !pings->sent[i].answered && !pings->sent[i].missed && now
			- pings->sent[i].sent_us >= ANSWER_LIMIT_US) {
			pings->sent[i].missed = true;
			facts_violation("%s: ping %" PRId64 " was not answered within 10 s", pings->agent, pings->sent[i].event_id);
		}
	}
}

static void on_time(void *arg)
{
	struct pings *pings = arg;
	int64_t event_id = (int64_t) ++pings->counts->pings;

	judge(pings, pings->timer.due_us);
	pings->sent[event_id % PINGS_KEPT].event_id = event_id;
	pings->sent[event_id % PINGS_KEPT].sent_us = pings->timer.due_us;
	pings->sent[event_id % PINGS_KEPT].answered = false;
	pings->sent[event_id % PINGS_KEPT].missed = false;
	timer_start(&pings->timer, pings->timer.due_us + PERIOD_US);
	service_message_send(pings->outgoing, pings->service->ping(event_id));
}

void pings_start(struct pings *pings, const struct service *service, struct outgoing *outgoing,
	struct conversation_counts *counts, const char *agent)
{
	pings->service = service;
	pings->outgoing = outgoing;
	pings->counts = counts;
	pings->agent = agent;
	pings->timer.run = on_time;
	pings->timer.arg = pings;
	timer_start(&pings->timer, now_us() + PERIOD_US);
}

void pings_stop(struct pings *pings)
{
	timer_stop(&pings->timer);
	if (pings->outgoing) {
		judge(pings, now_us());
	}
}

void pings_answered(struct pings *pings, int64_t event_id)
{
	size_t place = event_id > 0 ? (size_t) (event_id % PINGS_KEPT) : 0;

	if (event_id <= 0 || pings->sent[place].event_id != event_id || pings->sent[place].answered) {
		facts_violation("%s: pong %" PRId64 " answers no ping", pings->agent, event_id);
		return;
	}
	pings->sent[place].answered = true;
	pings->counts->pongs++;
}
