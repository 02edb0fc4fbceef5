/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How much waits to be done, in pieces and in bytes, and how much may: an account, which whoever keeps the pieces keeps
 * beside them. What matters less is refused sooner: the last part of the room is kept for what matters most. No lock
 * and no thread of its own.
 */
#ifndef AIC_BACKLOG_H
#define AIC_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

/* The parts into which the room is divided. */
#define AIC_BACKLOG_PARTS 8

/* How much may wait. */
struct aic_backlog_room {
	size_t pieces, bytes;
};

/* How much does. All 0: nothing. */
struct aic_backlog {
	size_t pieces, bytes;
};

/* Whether another piece of so many bytes fits into the first so many `parts` of the room. */
bool aic_backlog_has_room(const struct aic_backlog *backlog, const struct aic_backlog_room *room, unsigned int parts,
	size_t bytes);

/* Such a piece came, or is done. */
void aic_backlog_add(struct aic_backlog *backlog, size_t bytes);
void aic_backlog_remove(struct aic_backlog *backlog, size_t bytes);

#endif
