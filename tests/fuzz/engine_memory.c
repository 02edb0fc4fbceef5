/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "engine_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* What the linker puts in the place of the functions that the engine calls, and those themselves. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);

static struct {
	size_t now;
	uint32_t asked, fails, count;
	bool refused;
} memory;

static bool is_refused(void)
{
	memory.asked++;
	if (memory.fails && memory.asked >= memory.fails && memory.asked - memory.fails < memory.count) {
		memory.refused = true;
		return true;
	}
	return false;
}

static void *taken(void *fresh)
{
	memory.now += malloc_usable_size(fresh);
	return fresh;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : taken(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	if (is_refused()) {
		return NULL;
	}
	memory.now -= malloc_usable_size(old);
	return taken(__real_realloc(old, size));
}

void __wrap_free(void *old)
{
	memory.now -= malloc_usable_size(old);
	__real_free(old);
}

char *__wrap_strndup(const char *text, size_t most)
{
	size_t length = strnlen(text, most);
	char *copy = __wrap_malloc(length + 1);

	if (copy) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, strlen(text));
}

size_t engine_memory_now(void)
{
	return memory.now;
}

void engine_memory_begin(uint32_t fails, uint32_t count)
{
	memory.asked = 0;
	memory.fails = fails;
	memory.count = count;
	memory.refused = false;
}

bool engine_memory_refused(void)
{
	return memory.refused;
}

void *own_memory(size_t length)
{
	/* Of nothing there is a place, too, which nobody may read. */
	void *fresh = __real_malloc(length);

	if (!fresh) {
		abort();
	}
	return fresh;
}

void *own_copy(const void *bytes, size_t length)
{
	return memcpy(own_memory(length), bytes, length);
}

char *own_text(const void *bytes, size_t length)
{
	char *text = own_memory(length + 1);

	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

void own_free(void *own)
{
	__real_free(own);
}
