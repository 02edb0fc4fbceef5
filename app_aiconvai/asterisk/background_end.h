/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The end of a conversation in the background, whose channel's thread is elsewhere: sets the variables, and hangs up or
 * sends the call where the agent wanted it, on threads that may wait for the dialplan (dialplan_threads.h).
 */
#ifndef AIC_BACKGROUND_END_H
#define AIC_BACKGROUND_END_H

struct session;

/*
 * Has the end of the session done soon. Any thread, whatever is locked. Takes its own reference. Returns 0, or -1 when
 * memory is short.
 */
int background_end(struct session *session);

#endif
