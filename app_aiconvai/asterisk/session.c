/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "locks.h"
#include "session.h"

struct agent *session_agent(const struct session *session)
{
	return session_agent_at(session, atomic_load(&((struct session *) session)->acting));
}

struct agent *session_agent_at(const struct session *session, unsigned int which)
{
	if (which > session->other_count) {
		return session->handed[which - session->other_count - 1];
	}
	return which ? session->others[which - 1] : session->agent;
}

void session_want_thread(struct session *session)
{
	channel_line_want_thread(session->line);
}

struct aic_link *session_link(struct session *session)
{
	struct aic_link *link;

	session_lock(session);
	if ((link = session->link)) {
		aic_link_hold(link);
	}
	session_unlock(session);
	return link;
}

struct session_identity session_identity(struct session *session)
{
	struct session_identity identity;

	session_lock(session);
	identity = session->identity;
	session_unlock(session);
	return identity;
}

int session_outcome(struct session *session, struct aic_outcome *outcome)
{
	int ended;

	session_lock(session);
	if ((ended = atomic_load(&session->ended))) {
		*outcome = session->outcome;
	}
	session_unlock(session);
	return ended;
}
