/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a provider may tell the conversation it works for. To be called from the provider's functions only.
 */
#ifndef AIC_PROVIDER_PORT_H
#define AIC_PROVIDER_PORT_H

#include "conversation.h"
#include "json_writer.h"

/*
 * Begins a message to the service: write it, then send it with aic_port_send() before another one is begun. The writer belongs to the
 * conversation.
 */
struct aic_json_writer *aic_port_new_message(struct aic_conversation *conversation);

/* Sends the message begun last. Memory that ran short while writing is counted as an error. */
void aic_port_send(struct aic_conversation *conversation);

/* The service announced the conversation: what it takes and what it gives. */
void aic_port_ready(struct aic_conversation *conversation, const char *conversation_id, struct aic_audio_format uplink,
	struct aic_audio_format downlink);

/* Agent audio in the announced downlink format. */
void aic_port_audio(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes, size_t length);

/* The caller barged in: everything up to and including `event_id` is void. */
void aic_port_interrupted(struct aic_conversation *conversation, int64_t event_id);

void aic_port_transcript(struct aic_conversation *conversation, enum aic_role role, enum aic_transcript_kind kind, const char *text, int64_t event_id);
void aic_port_vad(struct aic_conversation *conversation, double score);

/* The agent calls a tool of ours; the engine answers for whoever does not. `parameters` is JSON. */
void aic_port_tool_call(struct aic_conversation *conversation, const char *id, const char *name, const char *parameters);

/* The service asked whether we are there; `ping_ms` is the round trip it measured, -1 if it did not say. */
void aic_port_ping(struct aic_conversation *conversation, int64_t ping_ms);

/* The service said that something went wrong; if the connection is closed next, this is why. */
void aic_port_error(struct aic_conversation *conversation, const char *message);

/* The agent decided to end: a close that follows is a good end whatever its code; if none follows soon, we close. */
void aic_port_agent_ends(struct aic_conversation *conversation);

/* What came cannot be worked with: ends the attempt (or the conversation) with that reason. */
void aic_port_fail(struct aic_conversation *conversation, const char *reason);

/* A message of a type that nobody knows. */
void aic_port_unknown(struct aic_conversation *conversation, const char *type);

#endif
