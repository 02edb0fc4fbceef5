/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "call_facts.h"

#include "json_line.h"

#include <string.h>
#include <sys/resource.h>

void call_facts_ready(const char *own_address)
{
	yajl_gen gen = json_line_open();

	json_line_put_text(gen, "ready");
	json_line_put_text(gen, own_address);
	json_line_close(gen);
}

void call_facts_up(uint64_t calls, uint64_t failed, uint64_t us)
{
	yajl_gen gen = json_line_open();

	json_line_open_object(gen, "up");
	json_line_put_count(gen, "calls", calls);
	json_line_put_count(gen, "failed", failed);
	json_line_put_millionths(gen, "seconds", us);
	json_line_close_object(gen);
	json_line_close(gen);
}

/* Begins an object about a call. */
static yajl_gen open_about(const struct call *call, const char *key)
{
	yajl_gen gen = json_line_open();

	json_line_open_object(gen, key);
	json_line_put_count(gen, "call", call->number);
	json_line_put_text(gen, "extension");
	json_line_put_text(gen, call->extension);
	json_line_put_text(gen, "churn");
	yajl_gen_bool(gen, call->is_churn);
	return gen;
}

void call_facts_failed(const struct call *call, unsigned int status, const char *reason)
{
	yajl_gen gen = open_about(call, "failed");

	json_line_put_count(gen, "status", status);
	json_line_put_text(gen, "reason");
	json_line_put_text(gen, reason);
	json_line_close_object(gen);
	json_line_close(gen);
}

static void put_heard(yajl_gen gen, const struct heard *heard)
{
	json_line_put_count(gen, "heard", heard->packets);
	json_line_put_count(gen, "bytes", heard->bytes);
	json_line_put_count(gen, "missing", heard->missing);
	json_line_put_count(gen, "late", heard->late);
	json_line_put_thousandths(gen, "longest_gap_ms", heard->longest_gap_us);
}

void call_facts_ended(const struct call *call)
{
	yajl_gen gen = open_about(call, "ended");
	bool answered = call->answered_us > 0;

	json_line_put_thousandths(gen, "answer_ms", answered ? call->answered_us - call->begun_us : 0);
	json_line_put_millionths(gen, "seconds", answered ? call->ended_us - call->answered_us : 0);
	json_line_put_count(gen, "phase_us", call->media.phase_us);
	json_line_put_count(gen, "sent", call->media.sent);
	put_heard(gen, &call->media.heard);
	json_line_close_object(gen);
	json_line_close(gen);
}

static void put_all(yajl_gen gen, const struct media_totals *all)
{
	json_line_put_count(gen, "sent", all->sent);
	json_line_put_count(gen, "refused", all->refused);
	put_heard(gen, &all->heard);
	spread_tell(&all->lateness, gen, "lateness_ms");
	spread_tell(&all->spacing, gen, "spacing_ms");
}

void call_facts_mark(struct call *const *calls, size_t count, uint64_t us)
{
	uint64_t staying = 0, least_heard = 0, least_sent = 0, most_missing = 0;
	yajl_gen gen = json_line_open();

	for (size_t i = 0; i < count; i++) {
		struct media *media = &calls[i]->media;

		if (!calls[i]->is_churn && calls[i]->state == CALL_UP) {
			const struct heard *heard = &media->since_mark;

			least_heard = !staying || heard->packets < least_heard ? heard->packets : least_heard;
			least_sent = !staying || media->sent_since_mark < least_sent ? media->sent_since_mark : least_sent;
			most_missing = heard->missing > most_missing ? heard->missing : most_missing;
			staying++;
		}
		media->since_mark = (struct heard) {0};
		media->sent_since_mark = 0;
	}
	json_line_open_object(gen, "mark");
	json_line_put_millionths(gen, "seconds", us);
	json_line_put_count(gen, "calls", staying);
	json_line_put_count(gen, "least_sent", least_sent);
	json_line_put_count(gen, "least_heard", least_heard);
	json_line_put_count(gen, "most_missing", most_missing);
	put_all(gen, &media_since_mark);
	json_line_close_object(gen);
	json_line_close(gen);
	memset(&media_since_mark, 0, sizeof(media_since_mark));
}

void call_facts_totals(const struct call_counts *counts)
{
	struct rusage used = {0};
	yajl_gen gen = json_line_open();

	getrusage(RUSAGE_SELF, &used);
	json_line_open_object(gen, "totals");
	json_line_put_count(gen, "begun", counts->begun);
	json_line_put_count(gen, "churned", counts->churned);
	json_line_put_count(gen, "answered", counts->answered);
	json_line_put_count(gen, "failed", counts->failed);
	put_all(gen, &media_all);
	json_line_put_millionths(gen, "cpu_seconds", (uint64_t) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000
		+ (uint64_t) (used.ru_utime.tv_usec + used.ru_stime.tv_usec));
	json_line_close_object(gen);
	json_line_close(gen);
}
