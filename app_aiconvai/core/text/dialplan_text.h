/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Texts that the dialplan gets in a variable, and puts between the quotes of an argument.
 */
#ifndef AIC_DIALPLAN_TEXT_H
#define AIC_DIALPLAN_TEXT_H

/*
 * Changes a line in place so that, between double quotes, it is one argument of an application and nothing else:
 * Asterisk (__ast_app_separate_args()) counts brackets and parentheses inside quotes too, and one that is not closed
 * takes in all arguments that follow. Those become blanks; double quotes and backquotes become single ones, backslashes
 * slashes, and a dollar a blank. Its length stays.
 */
void aic_dialplan_text(char *line);

#endif
