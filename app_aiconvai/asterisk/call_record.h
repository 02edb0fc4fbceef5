/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation came to, as far as it has: of one that runs, and of the last one of a channel, which keeps it.
 */
#ifndef AIC_CALL_RECORD_H
#define AIC_CALL_RECORD_H

#include <stddef.h>

struct ast_channel;
struct call_record;
struct session;

/* As it is now. Waits for the loop; nothing may be locked but a channel. NULL: the call is over, or memory is short. */
struct call_record *call_record_take(struct session *session);
void call_record_free(struct call_record *record);

/* The channel keeps it, instead of the one of before. Takes it over; NULL: keeps that one. Channel not locked. */
void call_record_keep(struct ast_channel *channel, struct call_record *record);

/* What was said in the channel's last conversation that is over. To be freed; NULL: nothing. Channel not locked. */
char *call_record_said(struct ast_channel *channel);

/*
 * Writes a field of the conversation that runs on the channel, or ran last. Returns 0, or -1 where there is no field of
 * that name. A thread that may wait, with nothing locked but this channel.
 */
int call_record_read(struct ast_channel *channel, const char *field, char *buffer, size_t size);

/* The names of all fields, for people: "agent, ...". */
const char *call_record_fields(void);

#endif
