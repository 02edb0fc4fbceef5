/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How much of what comes from outside a conversation takes and hands on, in bytes without a terminator. Those that
 * depend on the agent are options; what all buffers of a call come to stands in docs/architecture.md.
 */
#ifndef AIC_BOUNDS_H
#define AIC_BOUNDS_H

/*
 * Texts from the service. What is said is cut; names, ids and arguments are not: what is left of them would be
 * something else.
 */
#define AIC_TRANSCRIPT_MAX 16384
#define AIC_PARAMETERS_MAX 65536
#define AIC_NAME_MAX 256 /* of a tool, of a mark, and of their ids */
#define AIC_KEPT_MAX 4096 /* what a provider keeps for the next connection */

/* Elements of a list, and members of an object, that are read one by one. */
#define AIC_ELEMENTS_MAX 256
#define AIC_MEMBERS_MAX 128

/* What an agent is told about a call: so many variables, each so long, and a text they are put into. */
#define AIC_VARIABLES_MAX 256
#define AIC_VARIABLE_MAX 4096
#define AIC_FILLED_MAX 262144

#endif
