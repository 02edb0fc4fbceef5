/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Sends a call where its agent wants it to go on in the dialplan.
 */
#ifndef AIC_TRANSFER_H
#define AIC_TRANSFER_H

struct aic_outcome;
struct ast_channel;

/* For the channel's own thread, from within an application. Returns 0, or -1 when there is no such place, which is logged. Channel not locked. */
int transfer_call(struct ast_channel *channel, const struct aic_outcome *outcome);

/*
 * For a channel whose thread is elsewhere in the dialplan, or in a bridge. A thread that nobody's audio needs, with nothing locked: a switch of the dialplan
 * may take its time.
 */
void transfer_beside_its_thread(struct ast_channel *channel, const struct aic_outcome *outcome);

#endif
