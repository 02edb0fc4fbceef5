/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "facts.h"

#include "json_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define VIOLATIONS_MAX 100

struct totals totals;

static char *violations[VIOLATIONS_MAX];
static size_t violation_count; /* those not kept included */

void facts_ports(int ws_port, int wss_port, int audiosocket_port)
{
	yajl_gen gen = json_line_open();

	json_line_put_count(gen, "ws_port", (uint64_t) ws_port);
	json_line_put_text(gen, "wss_port");
	if (wss_port < 0) {
		yajl_gen_null(gen);
	} else {
		yajl_gen_integer(gen, wss_port);
	}
	json_line_put_count(gen, "audiosocket_port", (uint64_t) audiosocket_port);
	json_line_close(gen);
}

void facts_interrupted(uint64_t us)
{
	yajl_gen gen = json_line_open();

	json_line_put_millionths(gen, "interrupted", us);
	json_line_close(gen);
}

void facts_done(void)
{
	yajl_gen gen = json_line_open();

	json_line_put_text(gen, "done");
	yajl_gen_bool(gen, 1);
	json_line_close(gen);
}

void facts_closed(const char *service, const char *agent, const struct conversation_counts *counts, int close_code)
{
	yajl_gen gen = json_line_open();

	json_line_open_object(gen, "closed");
	json_line_put_text(gen, "service");
	json_line_put_text(gen, service);
	json_line_put_text(gen, "agent");
	json_line_put_text(gen, agent);
	json_line_put_count(gen, "chunks_in", counts->chunks_in);
	json_line_put_count(gen, "bytes_in", counts->bytes_in);
	json_line_put_count(gen, "chunks_out", counts->chunks_out);
	json_line_put_count(gen, "bytes_out", counts->bytes_out);
	json_line_put_count(gen, "pings", counts->pings);
	json_line_put_count(gen, "pongs", counts->pongs);
	json_line_put_count(gen, "close_code", (uint64_t) close_code);
	json_line_close_object(gen);
	json_line_close(gen);
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
	yajl_gen gen = json_line_open();
	size_t kept = violation_count < VIOLATIONS_MAX ? violation_count : VIOLATIONS_MAX;
	char rest[64];

	json_line_open_object(gen, "totals");
	json_line_put_count(gen, "connections", totals.connections);
	json_line_put_count(gen, "messages_in", totals.messages_in);
	json_line_put_count(gen, "messages_out", totals.messages_out);
	json_line_put_count(gen, "bytes_in", totals.bytes_in);
	json_line_put_count(gen, "bytes_out", totals.bytes_out);
	json_line_put_text(gen, "violations");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < kept; i++) {
		json_line_put_text(gen, violations[i] ? violations[i] : "a violation whose text found no memory");
		free(violations[i]);
		violations[i] = NULL;
	}
	if (violation_count > kept) {
		snprintf(rest, sizeof(rest), "and %zu more", violation_count - kept);
		json_line_put_text(gen, rest);
	}
	yajl_gen_array_close(gen);
	json_line_close_object(gen);
	json_line_close(gen);
	violation_count = 0;
}
