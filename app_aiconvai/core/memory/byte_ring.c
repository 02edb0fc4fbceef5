/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "byte_ring.h"

#include <stdlib.h>
#include <string.h>

int aic_byte_ring_init(struct aic_byte_ring *ring, size_t capacity)
{
	size_t size = 64;

	while (size < capacity) {
		size *= 2;
	}
	ring->bytes = malloc(size);
	ring->capacity = size;
	atomic_init(&ring->written, 0);
	atomic_init(&ring->taken, 0);
	return ring->bytes ? 0 : -1;
}

void aic_byte_ring_destroy(struct aic_byte_ring *ring)
{
	free(ring->bytes);
	ring->bytes = NULL;
}

bool aic_byte_ring_write(struct aic_byte_ring *ring, const uint8_t *bytes, size_t length)
{
	size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
	size_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
	size_t at = written & (ring->capacity - 1);
	size_t to_end = ring->capacity - at;

	if (length > ring->capacity - (written - taken)) {
		return false;
	}
	if (length <= to_end) {
		memcpy(ring->bytes + at, bytes, length);
	} else {
		memcpy(ring->bytes + at, bytes, to_end);
		memcpy(ring->bytes, bytes + to_end, length - to_end);
	}
	atomic_store_explicit(&ring->written, written + length, memory_order_release);
	return true;
}

const uint8_t *aic_byte_ring_peek(struct aic_byte_ring *ring, size_t *length)
{
	size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
	size_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
	size_t at = taken & (ring->capacity - 1);
	size_t to_end = ring->capacity - at;

	*length = written - taken < to_end ? written - taken : to_end;
	return ring->bytes + at;
}

void aic_byte_ring_consume(struct aic_byte_ring *ring, size_t length)
{
	size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	atomic_store_explicit(&ring->taken, taken + length, memory_order_release);
}
