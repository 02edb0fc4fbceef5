/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#define VIOLATIONS_MAX 100

struct totals totals;

static char *violations[VIOLATIONS_MAX];
static size_t violation_count; /* those not kept included */

static void put_text(yajl_gen gen, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *) text, strlen(text));
}

static void put_count(yajl_gen gen, const char *key, uint64_t value)
{
	put_text(gen, key);
	yajl_gen_integer(gen, (long long) value);
}

static yajl_gen open_line(void)
{
	yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen) {
		fprintf(stderr, "far_end: out of memory for a line of JSON\n");
		abort();
	}
	yajl_gen_map_open(gen);
	return gen;
}

static void close_line(yajl_gen gen)
{
	const unsigned char *text;
	size_t length;

	yajl_gen_map_close(gen);
	if (yajl_gen_get_buf(gen, &text, &length) == yajl_gen_status_ok) {
		fwrite(text, 1, length, stdout);
		putchar('\n');
		fflush(stdout);
	}
	yajl_gen_free(gen);
}

void facts_ports(int ws_port, int wss_port, int audiosocket_port)
{
	yajl_gen gen = open_line();

	put_count(gen, "ws_port", (uint64_t) ws_port);
	put_text(gen, "wss_port");
	if (wss_port < 0) {
		yajl_gen_null(gen);
	} else {
		yajl_gen_integer(gen, wss_port);
	}
	put_count(gen, "audiosocket_port", (uint64_t) audiosocket_port);
	close_line(gen);
}

void facts_interrupted(uint64_t us)
{
	yajl_gen gen = open_line();
	char seconds[40];
	int length = snprintf(seconds, sizeof(seconds), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

	put_text(gen, "interrupted");
	yajl_gen_number(gen, seconds, (size_t) length);
	close_line(gen);
}

void facts_done(void)
{
	yajl_gen gen = open_line();

	put_text(gen, "done");
	yajl_gen_bool(gen, 1);
	close_line(gen);
}

void facts_closed(const char *service, const char *agent, const struct conversation_counts *counts, int close_code)
{
	yajl_gen gen = open_line();

	put_text(gen, "closed");
	yajl_gen_map_open(gen);
	put_text(gen, "service");
	put_text(gen, service);
	put_text(gen, "agent");
	put_text(gen, agent);
	put_count(gen, "chunks_in", counts->chunks_in);
	put_count(gen, "bytes_in", counts->bytes_in);
	put_count(gen, "chunks_out", counts->chunks_out);
	put_count(gen, "bytes_out", counts->bytes_out);
	put_count(gen, "pings", counts->pings);
	put_count(gen, "pongs", counts->pongs);
	put_count(gen, "close_code", (uint64_t) close_code);
	yajl_gen_map_close(gen);
	close_line(gen);
}

void facts_violation(const char *format, ...)
{
	va_list arguments;

	if (violation_count++ >= VIOLATIONS_MAX) {
		return;
	}
	va_start(arguments, format);
	if (vasprintf(&violations[violation_count - 1], format, arguments) < 0) {
		violations[violation_count - 1] = NULL;
	}
	va_end(arguments);
}

void facts_totals(void)
{
	yajl_gen gen = open_line();
	size_t kept = violation_count < VIOLATIONS_MAX ? violation_count : VIOLATIONS_MAX;
	char rest[64];

	put_text(gen, "totals");
	yajl_gen_map_open(gen);
	put_count(gen, "connections", totals.connections);
	put_count(gen, "messages_in", totals.messages_in);
	put_count(gen, "messages_out", totals.messages_out);
	put_count(gen, "bytes_in", totals.bytes_in);
	put_count(gen, "bytes_out", totals.bytes_out);
	put_text(gen, "violations");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < kept; i++) {
		put_text(gen, violations[i] ? violations[i] : "a violation whose text found no memory");
		free(violations[i]);
		violations[i] = NULL;
	}
	if (violation_count > kept) {
		snprintf(rest, sizeof(rest), "and %zu more", violation_count - kept);
		put_text(gen, rest);
	}
	yajl_gen_array_close(gen);
	yajl_gen_map_close(gen);
	close_line(gen);
	violation_count = 0;
}
