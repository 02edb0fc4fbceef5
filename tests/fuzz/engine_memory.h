/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The memory that the engine takes: how much it has, and none from a certain allocation on. What is linked with it has
 * engine_memory_wraps of meson.build among its linker's arguments. One thread.
 */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes it has now. */
size_t engine_memory_now(void);

/* `fails`: the first allocation from now on that is refused, counted from 1; 0: none. `count`: how many are. */
void engine_memory_begin(uint32_t fails, uint32_t count);

/* Whether one was refused. */
bool engine_memory_refused(void);

/* For the program's own: neither counted nor refused. Ends the program when memory is short. Free with own_free(). */
void *own_memory(size_t length);
void *own_copy(const void *bytes, size_t length);
char *own_text(const void *bytes, size_t length); /* and terminated */
void own_free(void *memory);

#endif
