/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <yajl/yajl_parse.h>

/* Whether that is one JSON value, and all of it. */
static inline bool is_json(const void *text, size_t length)
{
	yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
	bool is_good = parser && yajl_parse(parser, text, length) == yajl_status_ok
		&& yajl_complete_parse(parser) == yajl_status_ok;

	yajl_free(parser);
	return is_good;
}

#endif
