/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What has to hold, whatever comes: where it does not, the program says which and where, and ends as one that crashed.
 */
#ifndef REQUIRE_H
#define REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define require(holds) \
	do { \
		if (!(holds)) { \
			fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #holds); \
			abort(); \
		} \
	} while (0)

#endif
