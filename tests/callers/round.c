/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "round.h"

#include "call_facts.h"
#include "sip_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls end faster than they begin: nobody waits for the other side's dialplan. */
#define ENDS_A_BEGINNING 2

/* What the other side may take to answer the last BYE before everything is dropped. */
#define LEAVING_US UINT64_C(5000000)

/* Messages taken before the next packets have their turn. */
#define MESSAGES_AT_ONCE 16

static struct round_plan plan;
static struct call **calls;
static size_t call_count, capacity;
static size_t staying_settled; /* calls that stay and are up or have failed */
static size_t in_progress;     /* calls that are not over */
static struct call_counts counts;
static uint64_t epoch_us, first_us, mark_us;
static bool told_up, ending;
static size_t next_to_end;
static struct timer beginning, churning, lifetime, ending_next, last_moment;
static struct seeded churn_random;
static uint64_t churn_part_us; /* the beginning of the time in which the next call that goes is begun */

static uint64_t us_of(double seconds)
{
	return (uint64_t) (seconds * 1e6);
}

static void run_at(struct timer *timer, void (*run)(void *arg), uint64_t due_us)
{
	timer->run = run;
	timer_start(timer, due_us);
}

static void on_lifetime(void *arg)
{
	round_end();
}

static void begin_churn(void);

static void on_all_up(void)
{
	uint64_t now = now_us();

	told_up = true;
	call_facts_up(counts.answered, counts.failed, now - first_us);
	if (plan.seconds > 0 && !ending) {
		run_at(&lifetime, on_lifetime, now + us_of(plan.seconds));
	}
	if (plan.churn_rate > 0 && !ending) {
		begin_churn();
	}
}

static void on_change(struct call *call)
{
	bool first = !call->settled;

	call->settled = true;
	if (call->state == CALL_UP) {
		counts.answered++;
	} else {
		in_progress--;
		counts.failed += call->failed;
		call_facts_ended(call);
	}
	if (first && !call->is_churn && ++staying_settled == plan.calls && !told_up) {
		on_all_up();
	}
}

static void begin_call(const char *extension, bool is_churn)
{
	struct call *call = calloc(1, sizeof(*call));

	if (call_count == capacity) {
		size_t grown = capacity ? capacity * 2 : 256;
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds. */
		struct call **more = realloc(calls, grown * sizeof(*more));

		if (!more) {
			fprintf(stderr, "callers: out of memory for calls\n");
			abort();
		}
		calls = more;
		capacity = grown;
	}
	if (!call) {
		fprintf(stderr, "callers: out of memory for a call\n");
		abort();
	}
	call->number = call_count;
	call->extension = extension;
	call->is_churn = is_churn;
	call->holds = plan.hold && !is_churn;
	call->lasts_us = is_churn ? us_of(plan.churn_seconds) : 0;
	call->changed = on_change;
	calls[call_count++] = call;
	counts.begun++;
	counts.churned += is_churn;
	in_progress++;
	call_begin(call, plan.seed, epoch_us);
}

static void on_beginning(void *arg)
{
	uint64_t due_us = beginning.due_us;

	begin_call(plan.extensions[call_count % plan.extension_count], false);
	if (call_count < plan.calls) {
		timer_start(&beginning, due_us + us_of(1 / plan.rate));
	}
}

/* Somewhere in the part of the time that is the next one's. */
static void await_churn(void)
{
	timer_start(&churning, churn_part_us + seeded_below(&churn_random, us_of(1 / plan.churn_rate) + 1));
}

static void on_churning(void *arg)
{
	begin_call(plan.churn_extension, true);
	churn_part_us += us_of(1 / plan.churn_rate);
	await_churn();
}

static void begin_churn(void)
{
	churning.run = on_churning;
	churn_part_us = now_us();
	await_churn();
}

void round_begin(const struct round_plan *wanted)
{
	plan = *wanted;
	/* No call has this number. */
	churn_random = seeded_begin(plan.seed, UINT64_MAX);
	epoch_us = first_us = mark_us = now_us();
	if (plan.calls) {
		run_at(&beginning, on_beginning, first_us);
	} else {
		on_all_up();
	}
}

/* The call whose Call-ID that is; NULL: none. */
static struct call *call_of(const struct sip_message *message)
{
	struct sip_text id;
	char text[CALL_ID_SIZE];
	size_t number;

	if (!sip_message_header(message, "Call-ID", 'i', 0, &id)) {
		return NULL;
	}
	sip_text_copy(&id, text, sizeof(text));
	number = strtoul(text, NULL, 10);
	return number < call_count && !strcmp(calls[number]->id, text) ? calls[number] : NULL;
}

void round_take_messages(void)
{
	char text[SIP_MESSAGE_MAX];
	ssize_t length;

	for (int i = 0; i < MESSAGES_AT_ONCE && (length = sip_socket_receive(text, sizeof(text))) >= 0; i++) {
		struct sip_message message;
		struct call *call;

		if (sip_message_read(&message, text, (size_t) length)) {
			continue;
		}
		if ((call = call_of(&message))) {
			call_take(call, &message);
		} else if (!message.status) {
			call_answer_stray(&message);
		}
	}
}

void round_mark(void)
{
	uint64_t now = now_us();

	for (size_t i = 0; i < call_count; i++) {
		if (calls[i]->media.rtp) {
			media_listen(&calls[i]->media);
		}
	}
	call_facts_mark(calls, call_count, now - mark_us);
	mark_us = now;
}

static void on_last_moment(void *arg)
{
	for (size_t i = 0; i < call_count; i++) {
		call_drop(calls[i]);
	}
}

static void on_ending_next(void *arg)
{
	while (next_to_end < call_count && calls[next_to_end]->state == CALL_OVER) {
		next_to_end++;
	}
	if (next_to_end < call_count) {
		uint64_t due_us = ending_next.due_us;

		call_end(calls[next_to_end++]);
		timer_start(&ending_next, due_us + us_of(1 / (plan.rate * ENDS_A_BEGINNING)));
	} else {
		run_at(&last_moment, on_last_moment, now_us() + LEAVING_US);
	}
}

void round_end(void)
{
	if (ending) {
		return;
	}
	ending = true;
	timer_stop(&beginning);
	timer_stop(&churning);
	timer_stop(&lifetime);
	run_at(&ending_next, on_ending_next, now_us());
}

bool round_is_over(void)
{
	return ending && !in_progress;
}

uint64_t round_close(void)
{
	struct timer *timers[] = {&beginning, &churning, &lifetime, &ending_next, &last_moment};

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		timer_stop(timers[i]);
	}
	for (size_t i = 0; i < call_count; i++) {
		free(calls[i]);
	}
	free(calls);
	calls = NULL;
	call_count = capacity = 0;
	call_facts_totals(&counts);
	return counts.failed;
}
