/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/pbx.h"
#include "asterisk/utils.h"

#include "dialled_transfer.h"
#include "dialplan_place.h"
#include "dialplan_threads.h"
#include "locks.h"
#include "option_value.h"
#include "outcome.h"
#include "output.h"
#include "session.h"
#include "session_requests.h"
#include "transfer.h"

/* What the agent is told of a place that is configured and is not there. */
#define NO_SUCH_PLACE "Nobody can be reached there at the moment. The caller is still with you."
#define NOT_IN_THIS_CALL "Nobody can be rung in this call. The caller is still with you."

/* A call of transfer_call. */
struct request {
	struct session *session; /* owned reference */
	char *id, *line;         /* owned */
};

/* Returns 0, or -1 when there is no such place in the dialplan. */
static int find_place(struct ast_channel *channel, const char *name, const char *text, struct dialplan_place *place)
{
	if (dialplan_place_of(text, place) || !ast_exists_extension(channel, place->context, place->extension,
		place->priority, NULL)) {
		log_line(LOG_WARNING, "%s: the agent cannot transfer the call to %s: transfer_to_%s = %s: expected a place in "
			"the dialplan, CONTEXT[,EXTENSION[,PRIORITY]], or dial: or attended: and somebody to ring",
			ast_channel_name(channel), name, name, text);
		return -1;
	}
	return 0;
}

int transfer_call(struct ast_channel *channel, const struct aic_outcome *outcome)
{
	struct dialplan_place place;

	return find_place(channel, outcome->transfer, outcome->transfer_place, &place) ? -1 : ast_explicit_goto(channel,
		place.context, place.extension, place.priority);
}

void transfer_beside_its_thread(struct ast_channel *channel, const struct aic_outcome *outcome)
{
	struct dialplan_place place;
	bool can_be_sent;

	if (find_place(channel, outcome->transfer, outcome->transfer_place, &place)) {
		return;
	}
	channel_lock(channel);
	/* What has neither is being moved by somebody else. */
	can_be_sent = ast_channel_pbx(channel) || ast_channel_is_bridged(channel);
	channel_unlock(channel);
	if (can_be_sent) {
		ast_async_goto(channel, place.context, place.extension, place.priority);
	}
}

/* --- the agent's wish --- */

static void request_free(struct request *request)
{
	ao2_ref(request->session, -1);
	ast_free(request->id);
	ast_free(request->line);
	ast_free(request);
}

/* Returns NULL, or what the agent is told instead of the call being sent there. */
static const char *send_to_place(const struct request *request, const char *name, const char *text)
{
	struct session *session = request->session;
	struct ast_channel *channel = channel_line_channel(session->line);
	struct dialplan_place place;
	int missing;

	if (!channel) {
		/* The call is over, and nobody is there to be told. */
		return NULL;
	}
	missing = find_place(channel, name, text, &place);
	ast_channel_unref(channel);
	if (missing) {
		return NO_SUCH_PLACE;
	}
	if (session_transfer(session, request->id, false)) {
		log_line(LOG_NOTICE, "%s: agent %s: the call is not transferred to %s: the agent does not wait for it any more",
			session_identity(session).id, session_agent(session)->name, name);
	}
	return NULL;
}

static int begin(void *data)
{
	struct request *request = data;
	struct session *session = request->session;
	const char *text = aic_entry_value(request->line), *problem;
	char name[AIC_TRANSFER_MAX];

	ast_copy_string(name, request->line, MIN(aic_entry_name_length(request->line) + 1, sizeof(name)));
	if (!dialled_transfer_is(text)) {
		problem = send_to_place(request, name, text);
	} else if (session->options.background) {
		/* Its channel's thread is elsewhere, and might not come back to connect the two. */
		log_line(LOG_WARNING, "%s: agent %s: transfer_to_%s = %s: nobody is rung for a call in the background "
			"(option b)", session_identity(session).id, session_agent(session)->name, name, text);
		problem = NOT_IN_THIS_CALL;
	} else {
		problem = dialled_transfer_begin(session, request->id, name, text);
	}
	if (problem) {
		session_answer_tool(session, request->id, problem, true);
	}
	request_free(request);
	return 0;
}

void transfer_begin(struct session *session, const char *tool_call_id, const char *line)
{
	struct request *request = ast_calloc(1, sizeof(*request));

	if (!request) {
		return;
	}
	request->session = ao2_bump(session);
	request->id = ast_strdup(tool_call_id);
	request->line = ast_strdup(line);
	if (!request->id || !request->line || dialplan_threads_push(begin, request)) {
		request_free(request);
	}
}
