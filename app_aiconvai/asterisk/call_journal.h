/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a call will have in the journal: its events as managers are told of them, with their times, from its beginning
 * to its end. Not what is said in passing, nor keys that are secret. The event publisher's thread.
 */
#ifndef AIC_CALL_JOURNAL_H
#define AIC_CALL_JOURNAL_H

struct ast_json;
struct told_event;

/*
 * The event is told by that name: `own` is what this one says, `channel` (NULL: not known) what its channel is. Neither
 * is changed or kept. With the last event of a call its line is handed over.
 */
void call_journal_note(const struct told_event *event, const char *name, struct ast_json *channel,
	struct ast_json *own);

#endif
