/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The dialplan function AICONVAI(): what the conversation of a channel came to.
 */
#ifndef AIC_CALL_FUNCTION_H
#define AIC_CALL_FUNCTION_H

/* Returns 0 or -1. */
int call_function_register(void);

void call_function_unregister(void);

#endif
