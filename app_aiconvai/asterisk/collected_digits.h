/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The channel variable AICONVAI_DIGITS: what the caller pressed for the agent's tool collect_digits, for the dialplan.
 */
#ifndef AIC_COLLECTED_DIGITS_H
#define AIC_COLLECTED_DIGITS_H

struct session;

/* Sets it soon, on a thread that may wait for the channel. Any thread, whatever is locked; does not wait. Copies. */
void collected_digits_keep(struct session *session, const char *digits);

#endif
