/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The application AIConvAIState(): the channel's conversation enters a state of its agent's prompts.
 */
#ifndef AIC_STATE_APPLICATION_H
#define AIC_STATE_APPLICATION_H

int state_application_register(void);
void state_application_unregister(void);

#endif
