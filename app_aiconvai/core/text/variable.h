/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef AIC_VARIABLE_H
#define AIC_VARIABLE_H

/* A name and a value, such as those told to the agent at the start. */
struct aic_variable {
	const char *name;
	const char *value;
};

#endif
