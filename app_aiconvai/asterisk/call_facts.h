/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What an agent is told of the call itself: numbers, and what its options ask for of SIP headers and of the channel's
 * variables and functions.
 */
#ifndef AIC_CALL_FACTS_H
#define AIC_CALL_FACTS_H

struct agent;
struct ast_channel;
struct call_variables;

/* Adds them all. The channel's own thread, with nothing locked: a function of the dialplan may ask a database. */
void call_facts_add(struct ast_channel *channel, const struct agent *agent, struct call_variables *variables);

#endif
