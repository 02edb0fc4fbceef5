/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "answers.h"

#include "facts.h"
#include "seeded.h"

#include <stdlib.h>
#include <string.h>

struct answer {
	struct answer *next;
	uint64_t due_us;
	size_t length;
	enum lws_write_protocol kind;
	uint8_t bytes[]; /* LWS_PRE bytes of room, then the message */
};

static uint64_t spread_us;
static uint64_t connections;

void answers_set_spread(uint32_t ms)
{
	spread_us = (uint64_t) ms * 1000;
}

static struct answer *take_first(struct answers *answers)
{
	struct answer *answer = answers->first;

	if (!(answers->first = answer->next)) {
		answers->last = NULL;
	}
	answers->waiting_bytes -= answer->length;
	return answer;
}

/* A connection that is lost meanwhile has its answers forgotten when it is closed. */
static void on_time(void *arg)
{
	struct answers *answers = arg;
	uint64_t due_us = answers->timer.due_us;

	while (answers->first && answers->first->due_us <= due_us) {
		struct answer *answer = take_first(answers);

		outgoing_send(answers->outgoing, answer->bytes + LWS_PRE, answer->length, answer->kind);
		free(answer);
	}
	if (answers->first) {
		timer_start(&answers->timer, answers->first->due_us);
	}
}

void answers_start(struct answers *answers, struct outgoing *outgoing)
{
	struct seeded random = seeded_begin(1, ++connections);

	*answers = (struct answers) {
		.outgoing = outgoing,
		.delay_us = seeded_below(&random, spread_us + 1),
		.timer = {.run = on_time, .arg = answers},
	};
}

int answers_send(struct answers *answers, uint8_t *bytes, size_t length, enum lws_write_protocol kind)
{
	struct answer *answer;

	if (!answers->delay_us) {
		return outgoing_send(answers->outgoing, bytes, length, kind);
	}
	if (answers->waiting_bytes + length > OUTGOING_MAX) {
		facts_violation("a peer sends faster than it is answered: %zu bytes wait", answers->waiting_bytes);
		outgoing_abandon(answers->outgoing);
		return -1;
	}
	if (!(answer = malloc(sizeof(*answer) + LWS_PRE + length))) {
		outgoing_abandon(answers->outgoing);
		return -1;
	}
	*answer = (struct answer) {.due_us = now_us() + answers->delay_us, .length = length, .kind = kind};
	memcpy(answer->bytes + LWS_PRE, bytes, length);
	answers->waiting_bytes += length;
	if (answers->last) {
		answers->last->next = answer;
	} else {
		answers->first = answer;
		timer_start(&answers->timer, answer->due_us);
	}
	answers->last = answer;
	return 0;
}

void answers_stop(struct answers *answers)
{
	timer_stop(&answers->timer);
	while (answers->first) {
		free(take_first(answers));
	}
}
