/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Memory that is given back all at once: what one message needs while it is being read. After the first messages the
 * arena is as large as they need and allocates no more. Not thread-safe: one owner.
 */
#ifndef AIC_ARENA_H
#define AIC_ARENA_H

#include <stddef.h>

struct aic_arena_block;

struct aic_arena {
	struct aic_arena_block *blocks; /* owned; the newest first */
	struct aic_arena_block *large;  /* owned; those of one allocation each */
	size_t used;                    /* of the newest of `blocks` */
};

/* Returns memory aligned for any object, valid until the reset, or NULL when memory is short. */
void *aic_arena_alloc(struct aic_arena *arena, size_t size);

/*
 * As realloc(): `old` came from this arena and was `old_size` long. A small one is left where it is when it must move;
 * a large one, growing, leaves nothing.
 */
void *aic_arena_grow(struct aic_arena *arena, void *old, size_t old_size, size_t size);

/* Gives everything back. Keeps one block for the next message, of 256 KiB at the most. */
void aic_arena_reset(struct aic_arena *arena);

void aic_arena_free(struct aic_arena *arena);

#endif
