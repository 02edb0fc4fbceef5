/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The dialplan function AICONVAI_TOOL(): an argument of the tool that a subroutine runs for, of any length and however
 * deep it lies.
 */
#ifndef AIC_TOOL_FUNCTION_H
#define AIC_TOOL_FUNCTION_H

/* Returns 0 or -1. */
int tool_function_register(void);

void tool_function_unregister(void);

#endif
