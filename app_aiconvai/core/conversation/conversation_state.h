/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation holds. Private to conversation.c (the host's side: inputs, outputs) and provider_port.c (the
 * provider's side), and of the parts that have files of their own, conversation_*.c; everybody else uses their headers.
 * A part that waits for a time is a row of conversation_clock.c.
 */
#ifndef AIC_CONVERSATION_STATE_H
#define AIC_CONVERSATION_STATE_H

#include "bounds.h"
#include "caller_idle.h"
#include "conversation.h"
#include "conversation_downlink.h"
#include "conversation_end.h"
#include "conversation_keys.h"
#include "conversation_marks.h"
#include "conversation_prompt.h"
#include "conversation_reopen.h"
#include "conversation_silence.h"
#include "conversation_tools.h"
#include "conversation_watch.h"
#include "history.h"
#include "json_writer.h"
#include "microseconds.h"
#include "outbox.h"
#include "uplink.h"

/* What a service may go beyond: each is said once in a conversation. */
enum aic_bound {
	AIC_BOUND_TRANSCRIPT,
	AIC_BOUND_PARAMETERS,
	AIC_BOUND_ARGUMENTS, /* those that are no JSON, or too much of it */
	AIC_BOUND_NAME,
	AIC_BOUND_MARK,
	AIC_BOUND_CONVERSATION_ID,
	AIC_BOUND_KEPT,
	AIC_BOUND_VARIABLE,
	AIC_BOUND_FILLED,
	AIC_BOUND_PLAYOUT,
};

struct aic_conversation {
	struct aic_agent_choice *others; /* owned */
	size_t other_count, next_other;
	const struct aic_agent_choice *takes_over; /* of them: the next attempt is its; NULL: the present agent's */
	/* Why those were that could not take the call, "; " before each; empty: none was. */
	char passed_over[AIC_REASON_MAX];
	const struct aic_provider *provider; /* the present agent's, and so on */
	void *provider_state; /* owned; NULL where the provider has none */
	const struct aic_settings *settings; /* the host's */
	const struct aic_tools *tools;       /* the host's */
	bool runs_tools;                     /* the host runs those that are its to run */
	struct aic_told told;
	struct aic_variable *variables;      /* owned, texts too */
	size_t variable_count;
	struct aic_playout_queue *playout; /* the host's */
	void (*on_event)(void *user, const struct aic_event *event);
	bool (*may_take)(void *user, size_t other, char *reason); /* NULL: each of the others may */
	void *user;

	enum aic_phase phase;
	uint64_t now_us; /* of the input being handled */
	uint64_t begun_us;
	uint64_t begun_unix_us; /* the same as time of day, since 1970; 0: not known */
	/* WAITING: the next attempt; otherwise when the phase has taken too long; UINT64_MAX: never */
	uint64_t phase_due_us;
	struct aic_ending ending;
	struct aic_reopening reopen;
	uint64_t opened_us; /* the WebSocket, the last time */
	struct aic_history history;
	struct aic_request request;
	bool open_pending, abort_pending, close_pending;
	char service_error[AIC_REASON_MAX]; /* the last one, empty: none */
	struct aic_outcome outcome;

	struct aic_uplink uplink;
	struct aic_stand_in stand_in;
	bool uplink_loss_told;    /* the host knows that this connection takes the caller's audio too slowly */
	struct aic_buffer audio_message; /* the chunk being sent */
	struct aic_outbox outbox;
	struct aic_outgoing *sending; /* the message handed out last; given back when the next action is asked for */
	struct aic_json_writer *writer; /* owned; of the message a provider is writing */
	struct aic_keys keys;

	struct aic_json_reader *reader;
	void *record;
	bool message_failed; /* the rest of a message that is no JSON is skipped */
	size_t message_bytes; /* of the message that is coming, so far */
	unsigned int bounds_told; /* a bit for each enum aic_bound */
	uint64_t errors_since_us; /* when the period began in which errors are counted */
	unsigned int errors_told; /* in that period */
	unsigned int bounds_to_tell; /* those passed before there was anybody to tell */
	struct aic_buffer line; /* a text from outside as an event tells it */
	/* of a binary message: the beginning of a sample whose end has not come yet */
	uint8_t split_sample[AIC_SAMPLE_BYTES_MAX];
	size_t split_bytes;
	struct aic_downlink downlink;
	struct aic_tools_at_work tools_at_work;
	struct aic_caller_idle caller_idle;
	struct aic_watchdog watchdog;
	struct aic_marks marks;
	struct aic_conversation_stats stats;
};

/* --- conversation_bounds.c --- */

/* Hands an event to the host. Whatever text is in it goes through one filter here: it is a line (utf8.h). */
void aic_conversation_tell(struct aic_conversation *conversation, const struct aic_event *event);

/*
 * Tells it that something went wrong and that things go on, and counts that. Of very many in a short time some are only
 * counted.
 */
void aic_conversation_tell_error(struct aic_conversation *conversation, const char *message);

/* `text` as a line of `most` bytes at the most: itself, or a copy that is valid until the next one is made. */
const char *aic_conversation_line(struct aic_conversation *conversation, const char *text, size_t most);

/*
 * Something from outside was beyond that bound: counts it, and says it the first time; before an attempt begins, when
 * one does.
 */
void aic_conversation_beyond(struct aic_conversation *conversation, enum aic_bound bound);
void aic_conversation_tell_bounds(struct aic_conversation *conversation);

/*
 * Counts what came of a message. Returns whether it is longer than the agent's option max_message_kb: then that was the
 * end.
 */
bool aic_conversation_message_is_too_long(struct aic_conversation *conversation, size_t length, bool complete);

/*
 * --- what waits for a time (conversation_clock.c) ---
 *
 * Each says when it is due, UINT64_MAX: never; and does then what is due. It returns false when that was the end of the
 * conversation or of its connection: nothing else is looked at before the next time.
 */

/* conversation_idle.c: asks a caller who says nothing. */
uint64_t aic_conversation_idle_due(const struct aic_conversation *conversation);
bool aic_conversation_attend_to_idle(struct aic_conversation *conversation);

/* conversation_attempts.c: begins the next attempt, or gives up one that took too long. */
uint64_t aic_conversation_phase_due(const struct aic_conversation *conversation);
bool aic_conversation_attend_to_phase(struct aic_conversation *conversation);

/* --- conversation_attempts.c --- */

/* The present attempt is over: begins to wait for the next one, or ends. Whatever was open is gone or being dropped. */
void aic_conversation_attempt_failed(struct aic_conversation *conversation, bool retry, uint16_t close_code,
	const char *reason);

/* The present attempt is over, and the next one is due then. Whatever was open is gone or being dropped. */
void aic_conversation_wait_for_attempt(struct aic_conversation *conversation, uint64_t due_us);

/* --- conversation_agent.c --- */

/*
 * Adds a copy of a variable, or replaces the value of the one of that name (whose length is given). Returns false when
 * memory is short.
 */
bool aic_conversation_set_variable(struct aic_conversation *conversation, const char *name, size_t name_length,
	const char *value);
bool aic_conversation_has_variable(const struct aic_conversation *conversation, const char *name, size_t name_length);

/* Copies what the agent is told about the call. Returns false when memory is short. */
bool aic_conversation_copy_variables(struct aic_conversation *conversation, const struct aic_conversation_setup *setup);

/*
 * The conversation is with this agent from now on. Returns false when memory is short. Not from inside a provider's
 * function.
 */
bool aic_conversation_take_agent(struct aic_conversation *conversation, const struct aic_agent_choice *agent);
void aic_conversation_forget_agent(struct aic_conversation *conversation);

#endif
