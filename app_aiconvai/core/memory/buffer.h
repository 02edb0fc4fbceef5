/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A growable run of bytes. It grows by doubling and keeps its memory when emptied, so that a buffer in steady use
 * stops allocating. Not thread-safe: it belongs to whoever owns the struct it sits in.
 */
#ifndef AIC_BUFFER_H
#define AIC_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct aic_buffer {
	uint8_t *bytes; /* owned; NULL until first grown */
	size_t length;
	size_t capacity;
};

/*
 * Makes room for `more` bytes behind the present ones. Returns where they go, or NULL (nothing changed) when memory is
 * short.
 */
uint8_t *aic_buffer_reserve(struct aic_buffer *buffer, size_t more);

/* Appends a copy. Returns 0, or -1 when memory is short. */
int aic_buffer_append(struct aic_buffer *buffer, const void *bytes, size_t length);

/* Removes the first `length` bytes (at most all). */
void aic_buffer_drop_front(struct aic_buffer *buffer, size_t length);

void aic_buffer_free(struct aic_buffer *buffer);

#endif
