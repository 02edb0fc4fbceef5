/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * yajl's memory, taken from an arena: what yajl gives back stays there until the arena is reset.
 */
#ifndef AIC_YAJL_MEMORY_H
#define AIC_YAJL_MEMORY_H

#include "arena.h"

#include <yajl/yajl_common.h>

/* The functions to give to yajl; the arena must outlive whatever yajl made with them. */
yajl_alloc_funcs aic_yajl_memory(struct aic_arena *arena);

#endif
