/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation holds. Private to conversation.c (the host's side: inputs, time, outputs) and provider_port.c (the
 * provider's side); everybody else uses their headers.
 */
#ifndef AIC_CONVERSATION_STATE_H
#define AIC_CONVERSATION_STATE_H

#include "conversation.h"
#include "json_writer.h"
#include "outbox.h"
#include "tool_calls.h"
#include "transcoder.h"
#include "uplink.h"

#define US_PER_MS UINT64_C(1000)
#define US_PER_SECOND UINT64_C(1000000)

/* Keys pressed before the conversation is active. */
#define EARLY_DIGITS_MAX 32

struct aic_conversation {
	const struct aic_provider *provider;
	const struct aic_settings *settings; /* the host's */
	struct aic_variable *variables;      /* owned, texts too */
	size_t variable_count;
	struct aic_playout_queue *playout; /* the host's */
	void (*on_event)(void *user, const struct aic_event *event);
	void *user;

	enum aic_phase phase;
	uint64_t now_us; /* of the input being handled */
	uint64_t begun_us;
	uint64_t phase_due_us; /* WAITING: the next attempt; otherwise when the phase has taken too long; UINT64_MAX: never */
	uint64_t ends_due_us;  /* after aic_port_agent_ends(): when we close; UINT64_MAX: not */
	bool agent_ends;
	struct aic_request request;
	bool open_pending, abort_pending, close_pending;
	char service_error[AIC_REASON_MAX]; /* the last one, empty: none */
	struct aic_outcome outcome;

	struct aic_uplink uplink;
	uint64_t uplink_until_us; /* when the uplink was last supplied */
	bool uplink_is_silence;   /* with silence */
	struct aic_buffer audio_message; /* the chunk being sent */
	struct aic_outbox outbox;
	struct aic_outgoing *sending; /* the message handed out last; given back when the next action is asked for */
	struct aic_json_writer *writer; /* owned; of the message a provider is writing */
	char early_digits[EARLY_DIGITS_MAX];
	size_t early_digit_count;

	struct aic_json_reader *reader;
	void *record;
	bool message_failed; /* the rest of a message that is no JSON is skipped */
	struct aic_transcoder *downlink; /* owned; NULL until the service's format is known */
	struct aic_buffer converted;
	int64_t last_audio_event_id;
	int64_t interrupted_id; /* audio with this id or an older one is late */
	struct aic_energy downlink_energy;
	struct aic_tool_calls tool_calls;
	struct aic_conversation_stats stats;
};

/* Hands an event to the host. */
void aic_conversation_tell(struct aic_conversation *conversation, const struct aic_event *event);

/* Tells it that something went wrong and that things go on, and counts that. */
void aic_conversation_tell_error(struct aic_conversation *conversation, const char *message);

/* Has the host drop what this side has open, politely where the WebSocket is up. */
void aic_conversation_leave(struct aic_conversation *conversation);

/* The present attempt is over: begins to wait for the next one, or ends. Whatever was open is gone or being dropped. */
void aic_conversation_attempt_failed(struct aic_conversation *conversation, bool retry, uint16_t close_code, const char *reason);

#endif
