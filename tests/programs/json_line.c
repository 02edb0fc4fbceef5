/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "json_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

yajl_gen json_line_open(void)
{
	yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen) {
		fprintf(stderr, "%s: out of memory for a line of JSON\n", program_invocation_short_name);
		abort();
	}
	yajl_gen_map_open(gen);
	return gen;
}

void json_line_close(yajl_gen gen)
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

void json_line_put_text(yajl_gen gen, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *) text, strlen(text));
}

void json_line_put_count(yajl_gen gen, const char *key, uint64_t value)
{
	json_line_put_text(gen, key);
	yajl_gen_integer(gen, (long long) value);
}

static void put_parts(yajl_gen gen, const char *key, uint64_t value, uint64_t parts, int digits)
{
	char number[40];
	int length = snprintf(number, sizeof(number), "%" PRIu64 ".%0*" PRIu64, value / parts, digits, value % parts);

	json_line_put_text(gen, key);
	yajl_gen_number(gen, number, (size_t) length);
}

void json_line_put_millionths(yajl_gen gen, const char *key, uint64_t value)
{
	put_parts(gen, key, value, 1000000, 6);
}

void json_line_put_thousandths(yajl_gen gen, const char *key, uint64_t value)
{
	put_parts(gen, key, value, 1000, 3);
}

void json_line_open_object(yajl_gen gen, const char *key)
{
	json_line_put_text(gen, key);
	yajl_gen_map_open(gen);
}

void json_line_close_object(yajl_gen gen)
{
	yajl_gen_map_close(gen);
}
