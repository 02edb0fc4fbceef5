/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define FIRST_BLOCK 4096

/* Blocks do not grow beyond this, so that a message of millions of small values does not stay with the call. */
#define LAST_BLOCK (256 * 1024)

/* What is as large as this has a block of its own, which can grow and leaves nothing behind. */
#define LARGE (32 * 1024)

struct aic_arena_block {
	struct aic_arena_block *next;
	size_t size;
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Memory for one of that size, or of the size that `block` is to have. NULL when memory is short. */
static struct aic_arena_block *resize(struct aic_arena_block *block, size_t size)
{
	if ((block = realloc(block, sizeof(*block) + size))) {
		block->size = size;
	}
	return block;
}

static void *alloc_large(struct aic_arena *arena, size_t size)
{
	struct aic_arena_block *block = resize(NULL, size);

	if (!block) {
		return NULL;
	}
	block->next = arena->large;
	arena->large = block;
	return block->bytes;
}

void *aic_arena_alloc(struct aic_arena *arena, size_t size)
{
	struct aic_arena_block *block = arena->blocks;
	void *memory;

	if (size > SIZE_MAX / 4) {
		return NULL;
	}
	size = aligned(size);
	if (size >= LARGE) {
		return alloc_large(arena, size);
	}
	if (!block || block->size - arena->used < size) {
		size_t block_size = block ? block->size * 2 : FIRST_BLOCK;

		block_size = block_size > LAST_BLOCK ? LAST_BLOCK : block_size;
		if (!(block = resize(NULL, block_size < size ? size : block_size))) {
			return NULL;
		}
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	memory = block->bytes + arena->used;
	arena->used += size;
	return memory;
}

/* Grows what has a block of its own. */
static void *grow_large(struct aic_arena *arena, void *old, size_t size)
{
	struct aic_arena_block **at = &arena->large, *block;

	/* The newest stands first, and it is mostly that one. */
	while ((*at)->bytes != (unsigned char *) old) {
		at = &(*at)->next;
	}
	if (!(block = resize(*at, aligned(size)))) {
		return NULL;
	}
	*at = block;
	return block->bytes;
}

void *aic_arena_grow(struct aic_arena *arena, void *old, size_t old_size, size_t size)
{
	struct aic_arena_block *block = arena->blocks;
	void *memory;

	if (size > SIZE_MAX / 4) {
		return NULL;
	}
	if (old && aligned(old_size) >= LARGE && size >= old_size) {
		return grow_large(arena, old, size);
	}
	/* The newest allocation grows in place where its block has room. */
	if (old && block && (unsigned char *) old + aligned(old_size) == block->bytes + arena->used && aligned(size) < LARGE
		&& (size_t) ((unsigned char *) old - block->bytes) + aligned(size) <= block->size) {
		arena->used = (size_t) ((unsigned char *) old - block->bytes) + aligned(size);
		return old;
	}
	if ((memory = aic_arena_alloc(arena, size)) && old) {
		memcpy(memory, old, old_size < size ? old_size : size);
	}
	return memory;
}

static void free_blocks(struct aic_arena_block *block)
{
	while (block) {
		struct aic_arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void aic_arena_reset(struct aic_arena *arena)
{
	free_blocks(arena->large);
	arena->large = NULL;
	if (arena->blocks) {
		free_blocks(arena->blocks->next);
		arena->blocks->next = NULL;
	}
	arena->used = 0;
}

void aic_arena_free(struct aic_arena *arena)
{
	free_blocks(arena->blocks);
	free_blocks(arena->large);
	*arena = (struct aic_arena) {NULL, NULL, 0};
}
