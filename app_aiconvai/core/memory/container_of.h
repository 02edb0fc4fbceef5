/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef AIC_CONTAINER_OF_H
#define AIC_CONTAINER_OF_H

#include <stddef.h>

/* The struct of that type whose member `pointer` points to. */
#define AIC_CONTAINER_OF(pointer, type, member) ((type *) ((char *) (pointer) - offsetof(type, member)))

#endif
