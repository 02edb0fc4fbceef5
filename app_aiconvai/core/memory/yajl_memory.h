/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * yajl's memory, taken from an arena: what yajl gives back stays there until the arena is reset.
 *
 * yajl does not look whether it got memory. So where there is none it never gets an answer: it is left by a jump to
 * whoever called it. It has nothing that would be lost then but what is in the arena, and is not to be called again
 * with what it made there.
 */
#ifndef AIC_YAJL_MEMORY_H
#define AIC_YAJL_MEMORY_H

#include "arena.h"

#include <setjmp.h>
#include <yajl/yajl_common.h>

/* Stays where it is, and its arena with it, as long as what yajl made with it. */
struct aic_yajl_memory {
	yajl_alloc_funcs functions; /* to give to yajl */
	struct aic_arena *arena;
	jmp_buf out; /* setjmp() it before yajl is called, wherever yajl may want memory */
};

void aic_yajl_memory_init(struct aic_yajl_memory *memory, struct aic_arena *arena);

#endif
