/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "provider_port.h"

#include "conversation_state.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* After the agent said that it ends: how long the service may take to close before we do. */
#define AGENT_ENDS_GRACE_US (5 * US_PER_SECOND)

struct aic_json_writer *aic_port_new_message(struct aic_conversation *conversation)
{
	aic_json_writer_reset(conversation->writer);
	return conversation->writer;
}

void aic_port_send(struct aic_conversation *conversation)
{
	size_t length;
	const char *text = aic_json_writer_text(conversation->writer, &length);

	if (!text || aic_outbox_put(&conversation->outbox, text, length)) {
		aic_conversation_tell_error(conversation, "a message to the service was lost: out of memory, or the service has stopped reading");
	}
}

void aic_port_ready(struct aic_conversation *conversation, const char *conversation_id, struct aic_audio_format uplink,
	struct aic_audio_format downlink)
{
	if (conversation->phase != AIC_PHASE_STARTING) {
		aic_conversation_tell_error(conversation, "the service announced the conversation twice; the second time was ignored");
		return;
	}
	aic_transcoder_free(conversation->downlink);
	conversation->downlink = aic_transcoder_new(downlink, conversation->stats.line_format);
	if (!conversation->downlink || aic_uplink_start(&conversation->uplink, uplink)) {
		aic_port_fail(conversation, "out of memory");
		return;
	}
	conversation->phase = AIC_PHASE_ACTIVE;
	conversation->uplink_until_us = conversation->now_us;
	conversation->phase_due_us = UINT64_MAX;
	conversation->service_error[0] = '\0';
	conversation->stats.ready_us = conversation->now_us - conversation->begun_us;
	conversation->stats.setup.metadata_us = conversation->stats.ready_us - conversation->stats.connected_us;
	conversation->stats.uplink_format = uplink;
	conversation->stats.downlink_format = downlink;
	aic_utf8_line(conversation->stats.conversation_id, sizeof(conversation->stats.conversation_id), conversation_id);
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_READY,
		.ready = {.conversation_id = conversation->stats.conversation_id, .uplink = uplink, .downlink = downlink}});
	for (size_t i = 0; i < conversation->early_digit_count; i++) {
		conversation->provider->dtmf(conversation, conversation->early_digits[i]);
	}
	conversation->early_digit_count = 0;
}

void aic_port_audio(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes, size_t length)
{
	uint32_t padding_ms = (uint32_t) conversation->settings->silence_padding_ms;
	int64_t queued;

	if (conversation->phase != AIC_PHASE_ACTIVE) {
		aic_conversation_tell_error(conversation, "the service sent audio before it announced the conversation; it was ignored");
		return;
	}
	conversation->stats.downlink_chunks++;
	conversation->stats.downlink_bytes += length;
	if (event_id <= conversation->interrupted_id) {
		/* The queue counts it. It must not pass through the resampler, whose memory would carry some of it into what follows. */
		aic_playout_queue_append(conversation->playout, event_id, NULL, 0, conversation->now_us);
		return;
	}
	if (!aic_transcoder_passes_through(conversation->downlink)) {
		conversation->converted.length = 0;
		if (aic_transcoder_run(conversation->downlink, bytes, length, &conversation->converted)) {
			conversation->stats.errors++;
			return;
		}
		bytes = conversation->converted.bytes;
		length = conversation->converted.length;
	}
	aic_energy_add(&conversation->downlink_energy, conversation->stats.line_format.encoding, bytes, length);
	if (padding_ms && event_id != conversation->last_audio_event_id && aic_playout_queue_is_empty(conversation->playout)) {
		aic_playout_queue_append_silence(conversation->playout, event_id, padding_ms, conversation->now_us);
	}
	conversation->last_audio_event_id = event_id;
	queued = aic_playout_queue_append(conversation->playout, event_id, bytes, length, conversation->now_us);
	if (queued < 0) {
		aic_conversation_tell_error(conversation, "agent audio was lost: out of memory");
	}
	if (queued > 0) {
		if (!conversation->stats.first_audio_us) {
			conversation->stats.first_audio_us = conversation->now_us - conversation->begun_us;
		}
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_AUDIO, .audio = {.appended_bytes = (size_t) queued}});
	}
}

void aic_port_interrupted(struct aic_conversation *conversation, int64_t event_id)
{
	struct aic_interruption result;
	struct aic_event event = {.type = AIC_EVENT_INTERRUPTION};

	aic_playout_queue_interrupt(conversation->playout, event_id, &result);
	if (event_id > conversation->interrupted_id) {
		conversation->interrupted_id = event_id;
	}
	/* What the resampler still holds belongs to the audio just removed, unless newer audio has passed through it. */
	if (conversation->downlink && conversation->last_audio_event_id <= event_id) {
		aic_transcoder_reset(conversation->downlink);
	}
	conversation->stats.interruptions++;
	event.interruption.event_id = event_id;
	event.interruption.result = &result;
	event.interruption.heard_ms = result.heard_samples * 1000 / conversation->stats.line_format.rate;
	aic_conversation_tell(conversation, &event);
}

void aic_port_transcript(struct aic_conversation *conversation, enum aic_role role, enum aic_transcript_kind kind, const char *text, int64_t event_id)
{
	conversation->stats.transcripts++;
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TRANSCRIPT,
		.transcript = {.role = role, .kind = kind, .text = text, .event_id = event_id}});
}

void aic_port_vad(struct aic_conversation *conversation, double score)
{
	conversation->stats.vad_scores++;
	conversation->stats.last_vad_score = score;
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_VAD, .vad = {.score = score}});
}

void aic_port_tool_call(struct aic_conversation *conversation, const char *id, const char *name, const char *parameters)
{
	uint64_t due_us = conversation->now_us + (uint64_t) conversation->settings->tool_timeout_ms * US_PER_MS;

	conversation->stats.tool_calls++;
	if (aic_tool_calls_find(&conversation->tool_calls, id)) {
		/* A refusal would be taken for the answer to the first. */
		aic_conversation_tell_error(conversation, "a tool call was ignored: its id is open already");
		return;
	}
	if (aic_tool_calls_add(&conversation->tool_calls, id, name, due_us)) {
		aic_conversation_tell_error(conversation, "a tool call was refused: too many are open");
		conversation->provider->tool_result(conversation, id, name, "Too many tool calls are open at once.", true);
		return;
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TOOL_CALL,
		.tool_call = {.id = id, .name = name, .parameters = parameters}});
}

void aic_port_ping(struct aic_conversation *conversation, int64_t ping_ms)
{
	conversation->stats.pings++;
	if (ping_ms >= 0) {
		conversation->stats.last_ping_ms = ping_ms;
	}
}

void aic_port_error(struct aic_conversation *conversation, const char *message)
{
	snprintf(conversation->service_error, sizeof(conversation->service_error), "%s", message);
	aic_conversation_tell_error(conversation, message);
}

void aic_port_agent_ends(struct aic_conversation *conversation)
{
	if (conversation->phase == AIC_PHASE_ACTIVE && !conversation->agent_ends) {
		conversation->agent_ends = true;
		conversation->ends_due_us = conversation->now_us + AGENT_ENDS_GRACE_US;
	}
}

void aic_port_fail(struct aic_conversation *conversation, const char *reason)
{
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		aic_conversation_end(conversation, AIC_STATUS_LOST, reason, conversation->now_us);
	} else {
		aic_conversation_leave(conversation);
		aic_conversation_attempt_failed(conversation, false, 0, reason);
	}
}

void aic_port_unknown(struct aic_conversation *conversation, const char *type)
{
	conversation->stats.unknown_messages++;
	aic_utf8_line(conversation->stats.last_unknown, sizeof(conversation->stats.last_unknown), type);
}
