/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

uint8_t *aic_buffer_reserve(struct aic_buffer *buffer, size_t more)
{
	size_t needed = buffer->length + more;

	if (needed < more) {
		return NULL;
	}
	/* Even room for nothing has an address: NULL means that memory is short. */
	if (needed > buffer->capacity || !buffer->bytes) {
		size_t capacity = buffer->capacity ? buffer->capacity : 256;
		uint8_t *bytes;

		while (capacity < needed) {
			capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
		}
		if (!(bytes = realloc(buffer->bytes, capacity))) {
			return NULL;
		}
		buffer->bytes = bytes;
		buffer->capacity = capacity;
	}
	return buffer->bytes + buffer->length;
}

int aic_buffer_append(struct aic_buffer *buffer, const void *bytes, size_t length)
{
	uint8_t *to = aic_buffer_reserve(buffer, length);

	if (!to) {
		return -1;
	}
	if (length) {
		memcpy(to, bytes, length);
	}
	buffer->length += length;
	return 0;
}

void aic_buffer_drop_front(struct aic_buffer *buffer, size_t length)
{
	if (length >= buffer->length) {
		buffer->length = 0;
		return;
	}
	memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
	buffer->length -= length;
}

void aic_buffer_free(struct aic_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct aic_buffer) {NULL, 0, 0};
}
