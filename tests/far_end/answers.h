/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Echoes of one connection, each sent so much later than what it answers came. Every connection has a delay of its own,
 * so that answers of many do not come in the bunches in which their questions did: no service answers all its callers
 * at once.
 */
#ifndef FAR_END_ANSWERS_H
#define FAR_END_ANSWERS_H

#include "outgoing.h"
#include "timers.h"

#include <stddef.h>
#include <stdint.h>

struct answer;

struct answers {
	struct outgoing *outgoing;
	uint64_t delay_us; /* 0: they are sent at once */
	struct timer timer; /* the first one */
	struct answer *first, *last;
	size_t waiting_bytes;
};

/* The longest delay of connections to come; before it is said there is none. */
void answers_set_spread(uint32_t ms);

/* Begins; `outgoing` must outlive it. The n-th connection of every run has the same delay. */
void answers_start(struct answers *answers, struct outgoing *outgoing);

/* Sends a message when it is time to, as outgoing_send() does; it returns what that does. */
int answers_send(struct answers *answers, uint8_t *bytes, size_t length, enum lws_write_protocol kind);

/* Forgets those that were not sent. */
void answers_stop(struct answers *answers);

#endif
