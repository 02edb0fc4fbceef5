/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Counts what this program asks of the heap: allocations.c takes the place of glibc's malloc() and its like, for the
 * program and for every library it uses, and passes each call on. One thread.
 */
#ifndef REPLAY_ALLOCATIONS_H
#define REPLAY_ALLOCATIONS_H

#include <stdint.h>

/* Calls of malloc(), calloc(), realloc() and free() so far; free(NULL) does nothing and is not counted. */
uint64_t allocation_calls(void);

#endif
