/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Keys that the agent presses on the telephone.
 */
#ifndef AIC_KEYS_H
#define AIC_KEYS_H

#include <stdbool.h>

struct ast_channel;
struct session;

/* Whether it is a text of keys (0 to 9, *, #, A to D) and pauses (w: half a second, W: a second), and not an empty one. */
bool keys_are_valid(const char *keys);

/*
 * Presses them one after the other, serving the channel meanwhile. Stops at once where the conversation is over, or the call is or is sent elsewhere.
 * Returns whether all of them were pressed. The channel's thread, channel not locked.
 */
bool keys_press(struct session *session, struct ast_channel *channel, const char *keys);

#endif
