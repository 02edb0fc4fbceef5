/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A channel's variable, as the dialplan has it.
 */
#ifndef AIC_CHANNEL_VARIABLE_H
#define AIC_CHANNEL_VARIABLE_H

struct ast_channel;

/* A copy of its value, to be freed; NULL: it is not set, or memory is short. Nothing is locked. */
char *channel_variable_copy(struct ast_channel *channel, const char *name);

#endif
