/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Facts that a program tells on standard output: one JSON object a line, flushed.
 */
#ifndef PROGRAMS_JSON_LINE_H
#define PROGRAMS_JSON_LINE_H

#include <stdint.h>
#include <yajl/yajl_gen.h>

/* Begins a line: its object is open. The program ends when memory is short. */
yajl_gen json_line_open(void);

/* Closes the line's own object, the last that is open, and prints the line. */
void json_line_close(yajl_gen gen);

void json_line_put_text(yajl_gen gen, const char *text);
void json_line_put_count(yajl_gen gen, const char *key, uint64_t value);

/* A number with six digits behind the point: seconds of microseconds. */
void json_line_put_millionths(yajl_gen gen, const char *key, uint64_t value);

/* The same with three: milliseconds of microseconds. */
void json_line_put_thousandths(yajl_gen gen, const char *key, uint64_t value);
void json_line_open_object(yajl_gen gen, const char *key);
void json_line_close_object(yajl_gen gen);

#endif
