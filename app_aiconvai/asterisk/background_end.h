/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The end of a conversation in the background, whose channel's thread is elsewhere: sets the variables, and hangs up or sends the call where the agent
 * wanted it. The dialplan may ask a database where that is (a switch), so this happens on threads of its own, with nothing locked.
 */
#ifndef AIC_BACKGROUND_END_H
#define AIC_BACKGROUND_END_H

struct session;

/* Starts the threads, with the module. Returns 0 or -1. */
int background_end_start(void);

/* Stops them. No session may be left. */
void background_end_stop(void);

/* Has the end of the session done soon. Any thread, whatever is locked. Takes its own reference. Returns 0, or -1 when memory is short. */
int background_end(struct session *session);

#endif
