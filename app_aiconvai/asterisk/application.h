/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The dialplan applications AIConvAI and ElevenLabsConvAI.
 */
#ifndef AIC_APPLICATION_H
#define AIC_APPLICATION_H

/* Registers the applications. Returns 0 or -1. */
int application_register(void);
void application_unregister(void);

#endif
