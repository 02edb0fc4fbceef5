/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a program is told by whoever began it, and what it may have.
 */
#ifndef PROGRAMS_PROCESS_H
#define PROGRAMS_PROCESS_H

#include <stddef.h>

/*
 * Reads what has come on standard input, which must not block. Returns 0, or -1 once it has ended. `lines`: how many
 * line ends came, whatever stands in the lines; NULL where that is of no interest.
 */
int process_read_input(size_t *lines);

/* As many file descriptors as that, or as the machine lets it have. */
void process_allow_descriptors(unsigned long wanted);

#endif
