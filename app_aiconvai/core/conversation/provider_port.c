/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "provider_port.h"

#include "conversation_state.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one message: no service has a context as long as that. */
#define TOKENS_MAX 100000000

bool aic_port_is_active(const struct aic_conversation *conversation)
{
	return conversation->phase == AIC_PHASE_ACTIVE;
}

void *aic_port_state(struct aic_conversation *conversation)
{
	return conversation->provider_state;
}

const struct aic_settings *aic_port_settings(const struct aic_conversation *conversation)
{
	return conversation->settings;
}

const struct aic_variable *aic_port_variables(const struct aic_conversation *conversation, size_t *count)
{
	*count = conversation->variable_count;
	return conversation->variables;
}

struct aic_audio_format aic_port_line_format(const struct aic_conversation *conversation)
{
	return conversation->stats.line_format;
}

const char *aic_port_prompt(const struct aic_conversation *conversation)
{
	return conversation->told.prompt;
}

const char *aic_port_first_message(const struct aic_conversation *conversation)
{
	return aic_conversation_opening(conversation)->text;
}

const char *aic_port_first_message_order(const struct aic_conversation *conversation)
{
	return aic_conversation_opening(conversation)->order;
}

const struct aic_tools *aic_port_tools(const struct aic_conversation *conversation)
{
	return conversation->tools;
}

void aic_port_put_tools(struct aic_conversation *conversation, struct aic_json_writer *writer, const char *key,
	const char *type, const char *parameters)
{
	aic_json_open_array(writer, key);
	for (size_t i = 0; i < conversation->tools->count; i++) {
		const struct aic_tool *tool = &conversation->tools->items[i];

		aic_json_open_object(writer, NULL);
		if (type) {
			aic_json_put_text(writer, "type", type);
		}
		aic_json_put_text(writer, "name", tool->name);
		aic_json_put_text(writer, "description", tool->description ? tool->description : "");
		aic_json_put_json(writer, parameters, tool->parameters);
		aic_json_close_object(writer);
	}
	aic_json_close_array(writer);
}

void aic_port_keep(struct aic_conversation *conversation, const char *text)
{
	bool fits = strnlen(text, AIC_KEPT_MAX + 1) <= AIC_KEPT_MAX;
	/* A part of it would be of no use. */
	char *copy = strdup(fits ? text : "");

	if (!fits) {
		aic_conversation_beyond(conversation, AIC_BOUND_KEPT);
	}
	if (copy) {
		free(conversation->reopen.kept);
		conversation->reopen.kept = copy;
	}
}

const char *aic_port_kept(const struct aic_conversation *conversation)
{
	return conversation->reopen.kept;
}

void aic_port_resumes(struct aic_conversation *conversation)
{
	conversation->reopen.resumed = true;
}

void aic_port_expires(struct aic_conversation *conversation, uint64_t in_ms)
{
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		aic_conversation_expect_expiry(conversation, in_ms * US_PER_MS);
	}
}

void aic_port_expires_at(struct aic_conversation *conversation, int64_t unix_seconds)
{
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		aic_conversation_expect_expiry_at(conversation, unix_seconds);
	}
}

static uint64_t reasonable_tokens(int64_t count)
{
	return count > 0 && count <= TOKENS_MAX ? (uint64_t) count : 0;
}

void aic_port_used_tokens(struct aic_conversation *conversation, int64_t input, int64_t output)
{
	conversation->stats.input_tokens += reasonable_tokens(input);
	conversation->stats.output_tokens += reasonable_tokens(output);
}

struct aic_json_writer *aic_port_new_message(struct aic_conversation *conversation)
{
	aic_json_writer_reset(conversation->writer);
	return conversation->writer;
}

struct aic_json_writer *aic_port_begin(struct aic_conversation *conversation, const char *type)
{
	struct aic_json_writer *writer = aic_port_new_message(conversation);

	aic_json_open_object(writer, NULL);
	aic_json_put_text(writer, "type", type);
	return writer;
}

void aic_port_finish(struct aic_conversation *conversation, struct aic_json_writer *writer)
{
	aic_json_close_object(writer);
	aic_port_send(conversation);
}

void aic_port_put_variables(const struct aic_conversation *conversation, struct aic_json_writer *writer,
	const char *key)
{
	aic_json_open_object(writer, key);
	for (size_t i = 0; i < conversation->variable_count; i++) {
		aic_json_put_text(writer, conversation->variables[i].name, conversation->variables[i].value);
	}
	aic_json_close_object(writer);
}

void aic_port_send(struct aic_conversation *conversation)
{
	size_t length;
	const char *text = aic_json_writer_text(conversation->writer, &length);

	if (!text || aic_outbox_put(&conversation->outbox, text, length)) {
		aic_conversation_tell_error(conversation, "a message to the service was lost: out of memory, or the service "
			"has stopped reading");
	}
	if (length > AIC_OUTBOX_SMALL) {
		/* It was copied; a long one does not stay with the call until the next. */
		aic_json_writer_reset(conversation->writer);
	}
}

void aic_port_ready(struct aic_conversation *conversation, const char *conversation_id, struct aic_audio_format uplink,
	struct aic_audio_format downlink)
{
	size_t id_size = sizeof(conversation->stats.conversation_id);

	if (conversation->phase != AIC_PHASE_STARTING) {
		aic_conversation_tell_error(conversation, "the service announced the conversation twice; the second time was "
			"ignored");
		return;
	}
	aic_conversation_audio_has_ended(conversation);
	aic_transcoder_free(conversation->downlink.transcoder);
	conversation->downlink.transcoder = aic_transcoder_new(downlink, conversation->stats.line_format);
	if (!conversation->downlink.transcoder || aic_uplink_start(&conversation->uplink, uplink)) {
		aic_port_fail(conversation, "out of memory");
		return;
	}
	conversation->phase = AIC_PHASE_ACTIVE;
	aic_stand_in_start(&conversation->stand_in, conversation->now_us);
	aic_troubles_start(conversation);
	aic_caller_idle_start(&conversation->caller_idle, aic_idle_clock(conversation));
	aic_caller_turn_session(conversation);
	aic_activation_begin(conversation);
	aic_service_watch_start(&conversation->watchdog.service, conversation->now_us);
	conversation->attempts.due_us = UINT64_MAX;
	conversation->service_error[0] = '\0';
	if (!conversation->reopen.under_way) {
		conversation->stats.ready_us = conversation->now_us - conversation->begun_us;
	}
	conversation->stats.setup.metadata_us = conversation->now_us - conversation->opened_us;
	conversation->stats.uplink_format = uplink;
	conversation->stats.downlink_format = downlink;
	aic_utf8_line(conversation->stats.conversation_id, id_size, conversation_id);
	if (strnlen(conversation_id, id_size) == id_size) {
		aic_conversation_beyond(conversation, AIC_BOUND_CONVERSATION_ID);
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_READY,
		.ready = {.conversation_id = conversation->stats.conversation_id, .uplink = uplink, .downlink = downlink}});
	aic_conversation_plan_rollover(conversation);
	aic_conversation_restored(conversation);
	aic_answer_ask_session(conversation);
	aic_conversation_tell_missed_state(conversation);
	aic_keys_begin(conversation);
}

bool aic_port_is_audio(struct aic_conversation *conversation, const struct aic_json_bytes *audio)
{
	if (!audio->present || audio->malformed) {
		aic_port_error(conversation, "the service sent audio that is not base64; it was ignored");
		return false;
	}
	return true;
}

void aic_port_audio(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes, size_t length)
{
	uint32_t padding_ms = (uint32_t) conversation->settings->silence_padding_ms;
	size_t queued = 0;
	int result;

	if (conversation->phase != AIC_PHASE_ACTIVE) {
		aic_conversation_tell_error(conversation, "the service sent audio before it announced the conversation; it was "
			"ignored");
		return;
	}
	event_id = aic_event_id_from_provider(conversation, event_id);
	conversation->stats.downlink_chunks++;
	conversation->stats.downlink_bytes += length;
	if (aic_listening_keeps_silent(conversation, event_id)) {
		return;
	}
	if (event_id <= conversation->downlink.interrupted_id) {
		/*
		 * The queue counts it. It must not pass through the resampler, whose memory would carry some of it into what
		 * follows.
		 */
		aic_playout_queue_append(conversation->playout, event_id, NULL, 0, conversation->now_us);
		return;
	}
	if (aic_interruption_minds_audio(&conversation->barge_in)) {
		aic_interruption_agent_audio(conversation, event_id);
	}
	if (padding_ms && event_id != conversation->downlink.last_event_id
		&& aic_playout_queue_is_empty(conversation->playout)) {
		aic_playout_queue_append_silence(conversation->playout, event_id, padding_ms, conversation->now_us);
	}
	conversation->downlink.last_event_id = event_id;
	aic_answer_came(conversation);
	result = aic_conversation_queue_audio(conversation, event_id, bytes, length, &queued);
	if (result < 0) {
		aic_conversation_tell_error(conversation, "agent audio was lost: out of memory");
	} else if (result > 0) {
		aic_conversation_beyond(conversation, AIC_BOUND_PLAYOUT);
	}
	if (queued) {
		aic_caller_idle_agent_audio(&conversation->caller_idle,
			aic_format_ms(conversation->stats.line_format, (uint64_t) queued) * US_PER_MS,
			aic_idle_clock(conversation));
		if (!conversation->stats.first_audio_us) {
			conversation->stats.first_audio_us = conversation->now_us - conversation->begun_us;
		}
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_AUDIO,
			.audio = {.appended_bytes = queued}});
	}
}

void aic_port_audio_done(struct aic_conversation *conversation)
{
	aic_conversation_audio_has_ended(conversation);
}

void aic_port_mark(struct aic_conversation *conversation, const char *name)
{
	aic_marks_add(conversation, name);
}

void aic_port_interrupted(struct aic_conversation *conversation, int64_t event_id)
{
	aic_caller_idle_heard(&conversation->caller_idle, aic_idle_clock(conversation));
	if (aic_port_may_interrupt(conversation)) {
		aic_interruption_suspected(conversation, aic_event_id_from_provider(conversation, event_id));
	} else {
		conversation->stats.interruptions_ignored++;
	}
}

bool aic_port_may_interrupt(const struct aic_conversation *conversation)
{
	return aic_interruption_is_allowed(conversation);
}

uint64_t aic_port_heard_ms(struct aic_conversation *conversation, int64_t event_id)
{
	return aic_conversation_line_ms(conversation, aic_playout_queue_heard(conversation->playout,
		aic_event_id_from_provider(conversation, event_id)));
}

bool aic_port_is_speaking(struct aic_conversation *conversation)
{
	return !aic_playout_queue_is_empty(conversation->playout);
}

size_t aic_port_open_tool_calls(const struct aic_conversation *conversation)
{
	return conversation->tools_at_work.calls.count;
}

static uint64_t since_begin(const struct aic_conversation *conversation)
{
	return conversation->now_us - conversation->begun_us;
}

uint64_t aic_port_turn(struct aic_conversation *conversation)
{
	return aic_turns_next(&conversation->turns, since_begin(conversation));
}

void aic_port_transcript(struct aic_conversation *conversation, enum aic_role role, enum aic_transcript_kind kind,
	const char *text, int64_t event_id)
{
	aic_port_transcript_of(conversation, 0, role, kind, text, event_id);
}

bool aic_port_goes_on(const struct aic_conversation *conversation)
{
	return (conversation->reopen.under_way || conversation->resumes) && conversation->history.lines.length;
}

bool aic_port_next_said(struct aic_conversation *conversation, struct aic_said *said)
{
	conversation->reopen.told = true;
	return aic_history_next(&conversation->history, said);
}

/* The number of the turn that a text without one belongs to. */
static uint64_t turn_of(struct aic_conversation *conversation, enum aic_transcript_kind kind)
{
	if (kind == AIC_TRANSCRIPT_CORRECTED && conversation->turns.agent_last) {
		return conversation->turns.agent_last;
	}
	return kind == AIC_TRANSCRIPT_TENTATIVE ? conversation->turns.last + 1 : aic_port_turn(conversation);
}

void aic_port_transcript_of(struct aic_conversation *conversation, uint64_t turn, enum aic_role role,
	enum aic_transcript_kind kind, const char *text, int64_t event_id)
{
	const char *line = aic_conversation_line(conversation, text, AIC_TRANSCRIPT_MAX);
	uint64_t spoken_us;

	if (kind == AIC_TRANSCRIPT_CORRECTED && aic_interruption_keeps(conversation, turn, text, event_id)) {
		return;
	}
	turn = turn ? turn : turn_of(conversation, kind);
	/* One that is not numbered yet is being spoken. */
	spoken_us = turn > conversation->turns.last ? since_begin(conversation)
		: aic_turns_begun(&conversation->turns, turn);
	if (role == AIC_ROLE_AGENT && kind != AIC_TRANSCRIPT_TENTATIVE) {
		conversation->turns.agent_last = turn;
	}
	conversation->stats.transcripts++;
	if (strnlen(text, AIC_TRANSCRIPT_MAX + 1) > AIC_TRANSCRIPT_MAX) {
		aic_conversation_beyond(conversation, AIC_BOUND_TRANSCRIPT);
	}
	text = line;
	if (role == AIC_ROLE_CALLER && !aic_own_words_are(conversation, text)) {
		aic_interruption_words(conversation, text, kind == AIC_TRANSCRIPT_FINAL, conversation->begun_us + spoken_us);
		aic_idle_words(conversation, text);
	}
	if (role == AIC_ROLE_CALLER && text[strspn(text, " ")]) {
		aic_answer_expect(conversation, conversation->begun_us + spoken_us);
	} else if (role == AIC_ROLE_AGENT && kind != AIC_TRANSCRIPT_TENTATIVE) {
		aic_answer_has_words(conversation);
	}
	aic_history_add(&conversation->history, turn, role, kind, text);
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TRANSCRIPT,
		.transcript = {.role = role, .kind = kind, .text = text,
			.event_id = aic_event_id_from_provider(conversation, event_id), .turn = turn,
			.spoken_ms = spoken_us / US_PER_MS}});
}

void aic_port_caller_speaks(struct aic_conversation *conversation, const char *words)
{
	aic_interruption_words(conversation, words, false, conversation->now_us);
	aic_idle_words(conversation, words);
	aic_answer_expect(conversation, conversation->now_us);
}

void aic_port_vad(struct aic_conversation *conversation, double score)
{
	conversation->stats.vad_scores++;
	conversation->stats.last_vad_score = score;
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_VAD, .vad = {.score = score}});
}

char *aic_port_said_as_json(struct aic_conversation *conversation, const char *key)
{
	char *said = aic_history_text(&conversation->history, ""), *copy = NULL;
	struct aic_json_writer *writer = aic_port_new_message(conversation);
	const char *json;
	size_t length;

	if (said) {
		aic_json_open_object(writer, NULL);
		aic_json_put_text(writer, key, said);
		aic_json_close_object(writer);
		if ((json = aic_json_writer_text(writer, &length))) {
			copy = strndup(json, length);
		}
		free(said);
	}
	return copy;
}

void aic_port_tool_call(struct aic_conversation *conversation, const char *id, const char *name, const char *parameters)
{
	aic_conversation_call_tool(conversation, id, name, parameters);
}

void aic_port_tool_cancelled(struct aic_conversation *conversation, const char *id)
{
	struct aic_tool_call *call = aic_tool_calls_find(&conversation->tools_at_work.calls, id);

	if (call) {
		aic_conversation_forget_tool_call(conversation, call, NULL);
	}
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
	aic_utf8_line(conversation->service_error, sizeof(conversation->service_error), message);
	aic_conversation_tell_error(conversation, message);
}

void aic_port_warn(struct aic_conversation *conversation, const char *message)
{
	aic_conversation_tell_error(conversation, message);
}

void aic_port_agent_ends(struct aic_conversation *conversation)
{
	aic_conversation_agent_ends(conversation);
}

void aic_port_deaf(struct aic_conversation *conversation)
{
	aic_uplink_stop(&conversation->uplink);
}

void aic_port_fail(struct aic_conversation *conversation, const char *reason)
{
	bool was_active = conversation->phase == AIC_PHASE_ACTIVE;

	if (conversation->hand_over.wanted) {
		aic_conversation_hand_over(conversation);
		return;
	}
	aic_conversation_leave(conversation);
	if (aic_tools_end_had_been_called(conversation, 0)) {
		return;
	}
	if (was_active) {
		aic_conversation_finish(conversation, AIC_STATUS_LOST, 0, reason);
	} else {
		aic_conversation_attempt_failed(conversation, false, false, 0, reason);
	}
}

void aic_port_unknown(struct aic_conversation *conversation, const char *type)
{
	conversation->stats.unknown_messages++;
	aic_utf8_line(conversation->stats.last_unknown, sizeof(conversation->stats.last_unknown), type);
}

void aic_port_dispatch(struct aic_conversation *conversation, const struct aic_handler *handlers, size_t count,
	const char *type, const void *record)
{
	for (size_t i = 0; type && i < count; i++) {
		if (!strcmp(handlers[i].type, type)) {
			if (handlers[i].handle) {
				handlers[i].handle(conversation, record);
			}
			return;
		}
	}
	aic_port_unknown(conversation, type ? type : "(no type)");
}
