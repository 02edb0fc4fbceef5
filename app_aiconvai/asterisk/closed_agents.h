/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Agents that take no new calls for a while, because a manager has said so: a limit of costs is reached, nobody is to
 * pay for a service that is down. Calls that go on are not touched. It ends by itself, so that an agent does not stay
 * closed when the program that closed it is gone.
 */
#ifndef AIC_CLOSED_AGENTS_H
#define AIC_CLOSED_AGENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Agents that are closed at the same time. */
#define CLOSED_AGENTS_MAX 256
#define CLOSED_AGENTS_REASON_MAX 200
#define CLOSED_AGENTS_LONGEST_SECONDS 86400

/* Closes that agent for so long from now on, or for that reason instead. Returns 0, or -1 when too many are. */
int closed_agents_close(const char *name, const char *reason, int seconds);

/* It takes calls. Returns whether it was closed. */
bool closed_agents_open(const char *name);

/* Whether it is closed; `reason`, of `size` bytes, has why then. */
bool closed_agents_find(const char *name, char *reason, size_t size);

/* Nobody is closed. */
void closed_agents_clear(void);

#endif
