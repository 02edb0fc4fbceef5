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
#include "conversation_activation.h"
#include "conversation_agent.h"
#include "conversation_answer.h"
#include "conversation_attempts.h"
#include "conversation_bounds.h"
#include "conversation_caller_turn.h"
#include "conversation_digits.h"
#include "conversation_downlink.h"
#include "conversation_echo.h"
#include "conversation_end.h"
#include "conversation_hand_over.h"
#include "conversation_hold.h"
#include "conversation_idle.h"
#include "conversation_incoming.h"
#include "conversation_interruption.h"
#include "conversation_keys.h"
#include "conversation_listening.h"
#include "conversation_marks.h"
#include "conversation_own_words.h"
#include "conversation_prompt.h"
#include "conversation_reopen.h"
#include "conversation_silence.h"
#include "conversation_tools.h"
#include "conversation_trouble.h"
#include "conversation_watch.h"
#include "history.h"
#include "json_writer.h"
#include "microseconds.h"
#include "outbox.h"
#include "turns.h"
#include "uplink.h"

/* Audio of the caller's, and of nobody else's, in the line's format. */
void aic_conversation_take_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length);

/* What of it the service is to have. */
void aic_conversation_send_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length);

struct aic_conversation {
	struct aic_attempts attempts;
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
	/* NULL: there are none to hand over to */
	bool (*choose_agent)(void *user, const char *name, struct aic_agent_choice *choice, char *reason);
	void *user;

	enum aic_phase phase;
	uint64_t now_us; /* of the input being handled */
	uint64_t begun_us;
	uint64_t begun_unix_us; /* the same as time of day, since 1970; 0: not known */
	struct aic_ending ending;
	struct aic_reopening reopen;
	struct aic_hand_over hand_over;
	uint64_t opened_us; /* the WebSocket, the last time */
	struct aic_turns turns;
	struct aic_history history;
	bool resumes; /* a conversation of before in this call, of which the history is, goes on in this one */
	bool open_pending, abort_pending, close_pending;
	char service_error[AIC_REASON_MAX]; /* the last one, empty: none */
	struct aic_outcome outcome;

	struct aic_uplink uplink;
	struct aic_stand_in stand_in;
	struct aic_hold hold;
	struct aic_listening listening;
	bool uplink_loss_told;    /* the host knows that this connection takes the caller's audio too slowly */
	struct aic_buffer audio_message; /* the chunk being sent */
	struct aic_outbox outbox;
	struct aic_outgoing *sending; /* the message handed out last; given back when the next action is asked for */
	struct aic_json_writer *writer; /* owned; of the message a provider is writing */
	struct aic_keys keys;
	struct aic_digits digits;

	struct aic_incoming incoming;
	struct aic_telling telling;
	struct aic_downlink downlink;
	struct aic_barge_in barge_in;
	struct aic_echo echo;
	struct aic_activation activation;
	struct aic_caller_turn caller_turn;
	struct aic_tools_at_work tools_at_work;
	struct aic_caller_idle caller_idle;
	struct aic_own_words own_words;
	struct aic_idle_pause idle_pause;
	struct aic_answer answer;
	struct aic_watchdog watchdog;
	struct aic_marks marks;
	struct aic_troubles troubles;
	struct aic_conversation_stats stats;
};

/* Whether turns are decided here, which is asked for each packet. */
static inline bool aic_caller_turn_is_ours(const struct aic_conversation *conversation)
{
	return conversation->settings->turns == AIC_TURNS_LOCAL && conversation->provider->caller_began;
}

#endif
