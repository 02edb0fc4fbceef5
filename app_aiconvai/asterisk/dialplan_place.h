/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * CONTEXT[,EXTENSION[,PRIORITY]], as the configuration has it: the extension is s and the priority 1 where they are
 * left out.
 */
#ifndef AIC_DIALPLAN_PLACE_H
#define AIC_DIALPLAN_PLACE_H

struct dialplan_place {
	char context[AST_MAX_CONTEXT];
	char extension[AST_MAX_EXTENSION];
	int priority;
};

/* Returns 0, or -1 when the text is of another form. Whether there is such a place is not asked. */
int dialplan_place_of(const char *text, struct dialplan_place *place);

#endif
