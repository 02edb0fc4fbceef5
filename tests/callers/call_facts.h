/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What is told of calls, and what of all of them (see json_line.h).
 */
#ifndef CALLERS_CALL_FACTS_H
#define CALLERS_CALL_FACTS_H

#include "call.h"

#include <stdint.h>

/* Of all calls. */
struct call_counts {
	uint64_t begun, answered, failed;
	uint64_t churned; /* of those begun */
};

/* SIP is spoken here. */
void call_facts_ready(const char *own_address);

/* Every call that is to stay is up or has failed. `us`: since the first one was begun. */
void call_facts_up(uint64_t calls, uint64_t failed, uint64_t us);

/* `status`: SIP's; 0: it has none. */
void call_facts_failed(const struct call *call, unsigned int status, const char *reason);

/* The summary of one that is over. */
void call_facts_ended(const struct call *call);

/* What there was since the last mark, and begins anew with it. `calls`: all there are; those that stay are told of. */
void call_facts_mark(struct call *const *calls, size_t count, uint64_t us);
void call_facts_totals(const struct call_counts *counts);

#endif
