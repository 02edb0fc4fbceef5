/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Threads that may wait: the dialplan may ask a database where a call goes (a switch), and a channel's lock may be held
 * for long. What has to be done for a call whose own thread is elsewhere is done here.
 */
#ifndef AIC_DIALPLAN_THREADS_H
#define AIC_DIALPLAN_THREADS_H

/* Starts them, with the module. Returns 0 or -1. */
int dialplan_threads_start(void);

/* Stops them. No session may be left. */
void dialplan_threads_stop(void);

/*
 * Has the task done soon, with nothing locked. Any thread, whatever is locked; does not wait. Returns 0, or -1 when
 * memory is short.
 */
int dialplan_threads_push(int (*task)(void *data), void *data);

#endif
