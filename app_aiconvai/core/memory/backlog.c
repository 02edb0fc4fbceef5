/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "backlog.h"

bool aic_backlog_has_room(const struct aic_backlog *backlog, const struct aic_backlog_room *room, unsigned int parts,
	size_t bytes)
{
	size_t most_pieces = room->pieces / AIC_BACKLOG_PARTS * parts;
	size_t most_bytes = room->bytes / AIC_BACKLOG_PARTS * parts;

	/* No sum, which could be beyond what the type holds. */
	return backlog->pieces < most_pieces && backlog->bytes <= most_bytes && bytes <= most_bytes - backlog->bytes;
}

void aic_backlog_add(struct aic_backlog *backlog, size_t bytes)
{
	backlog->pieces++;
	backlog->bytes += bytes;
}

void aic_backlog_remove(struct aic_backlog *backlog, size_t bytes)
{
	backlog->pieces--;
	backlog->bytes -= bytes;
}
