/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The timers' deadlines on one timerfd: the timers of libwebsockets and libuv are to the millisecond, which would be
 * seen in the jitter that the far end makes on purpose.
 */
#ifndef FAR_END_LOOP_TIMERS_H
#define FAR_END_LOOP_TIMERS_H

struct uv_loop_s;

/* Returns 0, or -1 after a line on standard error. */
int loop_timers_open(struct uv_loop_s *loop);

/* Nothing runs any more; timers may still be stopped. The loop has to run on before they are freed. */
void loop_timers_close(void);
void loop_timers_free(void);

#endif
