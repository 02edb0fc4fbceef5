/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The commands "aiconvai ..." and their twins "elevenlabs ...".
 */
#ifndef AIC_CLI_H
#define AIC_CLI_H

int cli_register(void);
void cli_unregister(void);

#endif
