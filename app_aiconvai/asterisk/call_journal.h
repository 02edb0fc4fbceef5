/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a call will have in the journal: its events as managers are told of them, with their times, from its beginning
 * to its end. Not what is said in passing, nor keys that are secret. Whoever comes late may ask for it.
 */
#ifndef AIC_CALL_JOURNAL_H
#define AIC_CALL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct ast_json;
struct ast_str;
struct told_call;
struct told_event;

/*
 * The event is told by that name: `own` is what this one says, `channel` (NULL: not known) what its channel is. Neither
 * is changed or kept. With the last event of a call its line is handed over. The event publisher's thread.
 */
void call_journal_note(const struct told_event *event, const char *name, struct ast_json *channel,
	struct ast_json *own);

/*
 * Appends some of the events of a call that goes on, from number `*next` on, as a manager is told of them; `*next`
 * becomes that of the first one that is not among them. Returns whether there may be more. Where no journal is written
 * there are none. Any thread.
 */
bool call_journal_told(struct told_call *call, size_t *next, struct ast_str **events);

#endif
