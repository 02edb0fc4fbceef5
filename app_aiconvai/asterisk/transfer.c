/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/pbx.h"

#include "dialplan_place.h"
#include "locks.h"
#include "outcome.h"
#include "output.h"
#include "transfer.h"

/* Returns 0, or -1 when there is no such place in the dialplan. */
static int find_place(struct ast_channel *channel, const struct aic_outcome *outcome, struct dialplan_place *place)
{
	if (dialplan_place_of(outcome->transfer_place, place) || !ast_exists_extension(channel, place->context, place->extension, place->priority, NULL)) {
		log_line(LOG_WARNING, "%s: the agent cannot transfer the call to %s: transfer_to_%s = %s: expected a place in the dialplan, CONTEXT[,EXTENSION[,PRIORITY]]",
			ast_channel_name(channel), outcome->transfer, outcome->transfer, outcome->transfer_place);
		return -1;
	}
	return 0;
}

int transfer_call(struct ast_channel *channel, const struct aic_outcome *outcome)
{
	struct dialplan_place place;

	return find_place(channel, outcome, &place) ? -1 : ast_explicit_goto(channel, place.context, place.extension, place.priority);
}

void transfer_beside_its_thread(struct ast_channel *channel, const struct aic_outcome *outcome)
{
	struct dialplan_place place;
	bool can_be_sent;

	if (find_place(channel, outcome, &place)) {
		return;
	}
	channel_lock(channel);
	/* What has neither is being moved by somebody else. */
	can_be_sent = ast_channel_pbx(channel) || ast_channel_is_bridged(channel);
	channel_unlock(channel);
	if (can_be_sent) {
		ast_async_goto(channel, place.context, place.extension, place.priority);
	}
}
