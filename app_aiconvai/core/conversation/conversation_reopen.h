/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A conversation outlives its connection, and a session that ends.
 */
#ifndef AIC_CONVERSATION_REOPEN_H
#define AIC_CONVERSATION_REOPEN_H

#include <stdbool.h>
#include <stdint.h>

struct aic_conversation;

struct aic_reopening {
	bool under_way; /* the conversation was active before, and is to be so again */
	bool expires;   /* the service said that it ends the session */
	bool resumed;   /* the service knows what was said before */
	bool told;      /* it was told that with what began the session */
	unsigned int losses; /* connections that broke while it was active */
	/* when a new session is to take over, and when at the latest; UINT64_MAX: not */
	uint64_t due_us, latest_us;
	int64_t first_event_id; /* what this connection's event id 0 is to everybody but the provider */
	char *kept; /* owned: what the provider wants to have at the next connection; NULL: nothing */
};

/*
 * The connection of an active conversation is gone: begins to open another. Returns false where that is not wanted (any
 * more).
 */
bool aic_conversation_reopen(struct aic_conversation *conversation, const char *reason);

/*
 * What this connection had is gone: another is opened at that time, or once the service has answered our close; its
 * event ids are newer than all of this one's.
 */
void aic_conversation_open_another(struct aic_conversation *conversation, uint64_t due_us);

/* Forgets what the provider wanted the next connection to have (aic_port_keep()). */
void aic_conversation_forget_session(struct aic_conversation *conversation);

/*
 * The service closed a connection that was to take up the session of before: begins an attempt without that one, which
 * is not counted. Returns false where it was to take up none.
 */
bool aic_conversation_begin_afresh(struct aic_conversation *conversation, const char *reason);

/* The session has begun: sees when another has to take over, so long before it ends. */
void aic_conversation_plan_rollover(struct aic_conversation *conversation);

/* The service has said that it ends the session in so long. */
void aic_conversation_expect_expiry(struct aic_conversation *conversation, uint64_t in_us);

/* The service has said at the beginning that it ends the session at that time of day, in seconds since 1970. */
void aic_conversation_expect_expiry_at(struct aic_conversation *conversation, int64_t unix_seconds);

/* The session has begun: if it took over from another, or goes on from one of before, it is told what was said. */
void aic_conversation_restored(struct aic_conversation *conversation);

/* Changes the session where nobody speaks. */
uint64_t aic_rollover_due(const struct aic_conversation *conversation);
bool aic_rollover_attend(struct aic_conversation *conversation);

/*
 * A provider's event ids begin anew with each connection; everybody else's go on. Those beyond what a number of JSON
 * holds exactly are that largest one: so many of them can be added up.
 */
int64_t aic_event_id_from_provider(const struct aic_conversation *conversation, int64_t event_id);
int64_t aic_event_id_to_provider(const struct aic_conversation *conversation, int64_t event_id);

#endif
