/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A lock-free ring of bytes between exactly one writing thread and one reading thread.
 *
 * Empty: nothing to read, reads return 0. Full: a write that does not fit whole is refused and nothing is written
 * (a frame is never torn); the writer counts it. The indices run freely and are reduced by the mask, so that all of
 * the capacity can be used. Each side publishes its index with release and reads the other's with acquire: what the
 * reader sees below the write index has been written, what the writer sees above the read index has been read.
 */
#ifndef AIC_BYTE_RING_H
#define AIC_BYTE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_byte_ring {
	uint8_t *bytes;  /* owned */
	size_t capacity; /* a power of two */
	/* Padding keeps the indices on cache lines of their own: the two threads never write to the same line. */
	char before_written[64];
	atomic_size_t written; /* changed by the writer only */
	char before_taken[64];
	atomic_size_t taken; /* changed by the reader only */
	char behind_taken[64];
};

/*
 * At least `capacity` bytes, rounded up to a power of two. Returns 0, or -1 when memory is short. Before the threads
 * start.
 */
int aic_byte_ring_init(struct aic_byte_ring *ring, size_t capacity);

/* After both threads are done with it. */
void aic_byte_ring_destroy(struct aic_byte_ring *ring);

/* Writer: appends all `length` bytes, or none. Never blocks or allocates. */
bool aic_byte_ring_write(struct aic_byte_ring *ring, const uint8_t *bytes, size_t length);

/*
 * Reader: the readable bytes that lie in one piece; `*length` is how many (0: empty). Call aic_byte_ring_consume()
 * when done with them, then peek again: the rest may lie behind the ring's end.
 */
const uint8_t *aic_byte_ring_peek(struct aic_byte_ring *ring, size_t *length);
void aic_byte_ring_consume(struct aic_byte_ring *ring, size_t length);

#endif
