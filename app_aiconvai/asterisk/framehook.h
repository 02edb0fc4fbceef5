/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Caller audio and keys, taken from the channel as they are read.
 */
#ifndef AIC_FRAMEHOOK_H
#define AIC_FRAMEHOOK_H

struct ast_channel;
struct session;

/* Attaches to the channel, which is locked. The hook holds a reference to the session. Returns 0 or -1. */
int framehook_attach(struct ast_channel *channel, struct session *session);

/* Has it detached at the channel's next frame, or with the channel. The channel is locked. */
void framehook_detach(struct ast_channel *channel, struct session *session);

#endif
