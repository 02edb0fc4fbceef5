/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What other threads ask of a conversation: it is done on the loop's thread, and waited for. Any thread but that one,
 * with nothing locked.
 */
#ifndef AIC_SESSION_REQUESTS_H
#define AIC_SESSION_REQUESTS_H

#include "provider.h"

struct session;

/* Answers a tool call that is open. Returns 0, or -1 when it is not (any more). */
int session_answer_tool(struct session *session, const char *tool_call_id, const char *result, bool is_error);

/* The same of a result that the agent need not say anything about. */
int session_answer_tool_silently(struct session *session, const char *tool_call_id, const char *result);

/*
 * The call goes where that open call of transfer_call asks for: the conversation ends once the agent has said all that
 * it had to say, or at once. Returns 0, or -1 when it is not open (any more).
 */
int session_transfer(struct session *session, const char *tool_call_id, bool at_once);

/*
 * Who was rung for that open call of transfer_call is to speak with the caller while the agent listens; and they have
 * spoken. The first returns 0, or -1 when it is not open (any more).
 */
int session_listen(struct session *session, const char *tool_call_id);
void session_stop_listening(struct session *session);

/* Whether the agent still waits for that tool call. */
bool session_waits_for_tool(struct session *session, const char *tool_call_id);

/* What the lookup has found out about the caller. Returns 0, or -1 when nobody waits for it. */
int session_found(struct session *session, const struct aic_variable *variables, size_t count);

/*
 * Tell the agent something it should know; say something in the caller's place. Return 0, or -1 when the conversation
 * is not active.
 */
int session_tell_context(struct session *session, const char *text);
int session_say_for_caller(struct session *session, const char *text);

/*
 * The conversation enters a state of the agent's prompts, with the values of placeholders. Returns NULL, or a sentence
 * that says why not.
 */
const char *session_enter_state(struct session *session, const char *name, const struct aic_variable *values,
	size_t value_count);

/*
 * Ends the conversation; of one that is over, what is still to be heard is dropped. Returns 0, or -1 where that was
 * heard already. Does not wait.
 */
int session_end(struct session *session, const char *reason);

/* Whether the caller may interrupt the agent from now on. Returns 0, or -1 when the conversation is over. */
int session_allow_interruptions(struct session *session, bool allowed);

#endif
