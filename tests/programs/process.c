/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "process.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

int process_read_input(size_t *lines)
{
	char read_now[4096];
	ssize_t length;

	do {
		length = read(STDIN_FILENO, read_now, sizeof(read_now));
		for (ssize_t i = 0; lines && i < length; i++) {
			*lines += read_now[i] == '\n';
		}
	} while (length > 0 || (length < 0 && errno == EINTR));
	return length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

void process_allow_descriptors(unsigned long wanted)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
