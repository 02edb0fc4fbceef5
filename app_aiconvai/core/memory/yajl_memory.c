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

static void *yajl_malloc(void *context, size_t size)
{
	struct aic_yajl_memory *memory = context;
	struct sized_block *block = aic_arena_alloc(memory->arena, sizeof(*block) + size);

	if (!block) {
		longjmp(memory->out, 1);
	}
	block->size = size;
	return block->bytes;
}

static void *yajl_realloc(void *context, void *old, size_t size)
{
	struct aic_yajl_memory *memory = context;
	struct sized_block *block;

	if (!old) {
		return yajl_malloc(memory, size);
	}
	block = (struct sized_block *) (void *) ((unsigned char *) old - sizeof(*block));
	block = aic_arena_grow(memory->arena, block, sizeof(*block) + block->size, sizeof(*block) + size);
	if (!block) {
		longjmp(memory->out, 1);
	}
	block->size = size;
	return block->bytes;
}

static void yajl_free_nothing(void *context, void *old)
{
	(void) context;
	(void) old;
}

void aic_yajl_memory_init(struct aic_yajl_memory *memory, struct aic_arena *arena)
{
	memory->arena = arena;
	memory->functions = (yajl_alloc_funcs) {
		.malloc = yajl_malloc,
		.realloc = yajl_realloc,
		.free = yajl_free_nothing,
		.ctx = memory,
	};
}
