/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "yajl_memory.h"

/* yajl frees and grows without telling sizes, so each of its blocks begins with its own. */
struct sized_block {
	size_t size;
	_Alignas(16) unsigned char bytes[];
};

static void *yajl_malloc(void *arena, size_t size)
{
	struct sized_block *block = aic_arena_alloc(arena, sizeof(*block) + size);

	if (!block) {
		return NULL;
	}
	block->size = size;
	return block->bytes;
}

static void *yajl_realloc(void *arena, void *old, size_t size)
{
	struct sized_block *block;

	if (!old) {
		return yajl_malloc(arena, size);
	}
	block = (struct sized_block *) (void *) ((unsigned char *) old - sizeof(*block));
	block = aic_arena_grow(arena, block, sizeof(*block) + block->size, sizeof(*block) + size);
	if (!block) {
		return NULL;
	}
	block->size = size;
	return block->bytes;
}

static void yajl_free_nothing(void *arena, void *old)
{
	(void) arena;
	(void) old;
}

yajl_alloc_funcs aic_yajl_memory(struct aic_arena *arena)
{
	return (yajl_alloc_funcs) {.malloc = yajl_malloc, .realloc = yajl_realloc, .free = yajl_free_nothing, .ctx = arena};
}
