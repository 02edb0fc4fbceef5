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

/* A block kept between messages is at most this large, so that one 16 MiB message does not stay with the call. */
#define KEPT_BLOCK (256 * 1024)

struct aic_arena_block {
	struct aic_arena_block *next;
	size_t size;
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *aic_arena_alloc(struct aic_arena *arena, size_t size)
{
	struct aic_arena_block *block = arena->blocks;
	void *memory;

	if (size > SIZE_MAX / 4) {
		return NULL;
	}
	size = aligned(size);
	if (!block || block->size - arena->used < size) {
		size_t block_size = block ? block->size * 2 : FIRST_BLOCK;

		if (block_size < size) {
			block_size = size;
		}
		if (!(block = malloc(sizeof(*block) + block_size))) {
			return NULL;
		}
		block->size = block_size;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	memory = block->bytes + arena->used;
	arena->used += size;
	return memory;
}

void *aic_arena_grow(struct aic_arena *arena, void *old, size_t old_size, size_t size)
{
	struct aic_arena_block *block = arena->blocks;
	void *memory;

	if (size > SIZE_MAX / 4) {
		return NULL;
	}
	/* The newest allocation grows in place where its block has room. */
	if (old && (unsigned char *) old + aligned(old_size) == block->bytes + arena->used
		&& (size_t) ((unsigned char *) old - block->bytes) + aligned(size) <= block->size) {
		arena->used = (size_t) ((unsigned char *) old - block->bytes) + aligned(size);
		return old;
	}
	if ((memory = aic_arena_alloc(arena, size)) && old) {
		memcpy(memory, old, old_size < size ? old_size : size);
	}
	return memory;
}

void aic_arena_reset(struct aic_arena *arena)
{
	struct aic_arena_block *keep = arena->blocks;

	if (keep && keep->size > KEPT_BLOCK) {
		aic_arena_free(arena);
		return;
	}
	if (keep) {
		struct aic_arena rest = {keep->next, 0};

		aic_arena_free(&rest);
		keep->next = NULL;
	}
	arena->used = 0;
}

void aic_arena_free(struct aic_arena *arena)
{
	while (arena->blocks) {
		struct aic_arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	arena->used = 0;
}
