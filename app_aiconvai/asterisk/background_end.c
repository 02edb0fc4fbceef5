/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"

#include "background_end.h"
#include "dialplan_threads.h"
#include "event_publisher.h"
#include "locks.h"
#include "session.h"
#include "session_ending.h"
#include "transfer.h"

static int run(void *arg)
{
	struct session *session = arg;
	struct ast_channel *channel;

	event_publisher_wait(session->told);
	if ((channel = session_leave(session))) {
		session_set_cdr_variables(session, channel, &session->outcome);
		session_set_variables(channel, &session->outcome, session->conversation_id);
		locks_check_free("the dialplan");
		if (session->outcome.transfer[0]) {
			transfer_beside_its_thread(channel, &session->outcome);
		} else if (!session->options.go_on && !aic_status_is_failure(session->outcome.status)) {
			ast_softhangup(channel, AST_SOFTHANGUP_EXPLICIT);
		}
		ast_channel_unref(channel);
	}
	ao2_ref(session, -1);
	return 0;
}

int background_end(struct session *session)
{
	ao2_ref(session, +1);
	if (dialplan_threads_push(run, session)) {
		ao2_ref(session, -1);
		return -1;
	}
	return 0;
}
