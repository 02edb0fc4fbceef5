/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * One call, from its INVITE to the end of its BYE (RFC 3261, sections 13, 15 and 17).
 */
#ifndef CALLERS_CALL_H
#define CALLERS_CALL_H

#include "media.h"
#include "sip_message.h"
#include "timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_ID_SIZE 64

enum call_state {
	CALL_CALLING,    /* nothing came yet: the INVITE is sent again and again */
	CALL_PROCEEDING, /* a provisional answer came */
	CALL_HOLDING,    /* answered; the INVITE that puts it on hold waits for its answer */
	CALL_UP,
	CALL_CANCELLED, /* before an answer; waits for the one to the INVITE */
	CALL_LEAVING,   /* our BYE waits for its answer */
	CALL_OVER,
};

struct call {
	size_t number;         /* from 0 */
	const char *extension; /* somebody else's */
	bool is_churn;
	bool holds;            /* puts it on hold as soon as it is answered, and leaves it there */
	bool failed;
	bool settled;          /* the round's: it has been up, or has failed */
	enum call_state state;
	uint64_t begun_us, answered_us, ended_us;
	uint64_t lasts_us;     /* after the answer; 0: until it is told to end */
	struct timer life;
	struct timer again;    /* the request is sent again */
	uint64_t interval_us;  /* until then */
	uint64_t gives_up_us;  /* when it is not */
	struct media media;
	char id[CALL_ID_SIZE];
	char branch[32], tag[32];
	char to[256];     /* as the other side answered; empty: it has not */
	char contact[256]; /* where it wants requests */
	void (*changed)(struct call *call); /* it is up, has failed or is over */
};

/*
 * Calls: `call` has its number, extension, `lasts_us`, `holds` and `changed`, and zeros else. `epoch_us`: the beginning
 * of the program's time, on which the places of all calls' packets stand.
 */
void call_begin(struct call *call, uint64_t seed, uint64_t epoch_us);

/* Takes a message whose Call-ID is the call's. */
void call_take(struct call *call, const struct sip_message *message);

/* Hangs up, whatever it is doing. */
void call_end(struct call *call);

/* Forgets it at once, as its peer is not to be waited for any more. */
void call_drop(struct call *call);

/* Answers a request that belongs to no call. */
void call_answer_stray(const struct sip_message *request);

#endif
