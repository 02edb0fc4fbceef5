/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The manager (AMI) actions.
 */
#ifndef AIC_MANAGER_ACTIONS_H
#define AIC_MANAGER_ACTIONS_H

int manager_actions_register(void);
void manager_actions_unregister(void);

#endif
