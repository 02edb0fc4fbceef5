/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include "close_codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 6455 section 7.4.1. */
#define CLOSE_NORMAL 1000

const char *aic_phase_name(enum aic_phase phase)
{
	static const char *const names[] = {
		[AIC_PHASE_WAITING] = "waiting",
		[AIC_PHASE_FETCHING] = "fetching URL",
		[AIC_PHASE_CONNECTING] = "connecting",
		[AIC_PHASE_STARTING] = "starting",
		[AIC_PHASE_ACTIVE] = "active",
		[AIC_PHASE_ENDED] = "ended",
	};

	return names[phase];
}

static bool copy_others(struct aic_conversation *conversation, const struct aic_conversation_setup *setup)
{
	conversation->attempts.others = calloc(setup->other_count + 1, sizeof(*conversation->attempts.others));
	if (!conversation->attempts.others) {
		return false;
	}
	for (size_t i = 0; i < setup->other_count; i++) {
		conversation->attempts.others[i] = setup->others[i];
	}
	conversation->attempts.other_count = setup->other_count;
	return true;
}

struct aic_conversation *aic_conversation_new(const struct aic_conversation_setup *setup, uint64_t now_us)
{
	struct aic_conversation *conversation = calloc(1, sizeof(*conversation));
	const struct aic_settings *settings = setup->agent.settings;

	if (!conversation) {
		return NULL;
	}
	conversation->playout = setup->playout;
	conversation->on_event = setup->on_event;
	conversation->may_take = setup->may_take;
	conversation->choose_agent = setup->choose_agent;
	conversation->user = setup->user;
	conversation->runs_tools = setup->runs_tools;
	conversation->resumes = setup->said && *setup->said;
	conversation->begun_unix_us = setup->unix_us;
	conversation->phase = AIC_PHASE_WAITING;
	conversation->now_us = conversation->begun_us = conversation->attempts.due_us = now_us;
	conversation->ending.due_us = conversation->marks.due_us = conversation->reopen.due_us = UINT64_MAX;
	conversation->tools_at_work.end_called_us = conversation->downlink.tail.due_us = UINT64_MAX;
	conversation->downlink.last_event_id = conversation->downlink.interrupted_id = AIC_EVENT_ID_NONE;
	conversation->barge_in.event_id = AIC_EVENT_ID_NONE;
	aic_near_voice_init(&conversation->barge_in.voice);
	aic_caller_turn_init(&conversation->caller_turn);
	conversation->echo.fft = setup->fft;
	conversation->stats.last_ping_ms = -1;
	conversation->stats.line_format = setup->line_format;
	aic_uplink_init(&conversation->uplink, setup->line_format, (uint32_t) settings->audio_frames_buffer_ms,
		(uint32_t) settings->connect_audio_limit_ms);
	conversation->writer = aic_json_writer_new();
	if (!conversation->writer || !aic_conversation_copy_variables(conversation, setup)
		|| (conversation->resumes && aic_history_load(&conversation->history, setup->said))
		|| !copy_others(conversation, setup) || !aic_conversation_take_agent(conversation, &setup->agent)) {
		aic_conversation_free(conversation);
		return NULL;
	}
	conversation->attempts.awaits_lookup = settings->lookup;
	if (settings->lookup) {
		conversation->attempts.due_us = now_us + (uint64_t) settings->lookup_ms * US_PER_MS;
	}
	aic_activation_init(conversation);
	return conversation;
}

void aic_conversation_free(struct aic_conversation *conversation)
{
	if (!conversation) {
		return;
	}
	for (size_t i = 0; i < conversation->variable_count; i++) {
		free((char *) conversation->variables[i].name);
		free((char *) conversation->variables[i].value);
	}
	free(conversation->variables);
	aic_conversation_forget_agent(conversation);
	free(conversation->attempts.others);
	free(conversation->reopen.kept);
	free(conversation->digits.call);
	aic_history_free(&conversation->history);
	aic_request_clear(&conversation->attempts.request);
	aic_uplink_free(&conversation->uplink);
	aic_buffer_free(&conversation->audio_message);
	aic_outbox_give_back(&conversation->outbox, conversation->sending);
	aic_outbox_free(&conversation->outbox);
	aic_json_writer_free(conversation->writer);
	aic_transcoder_free(conversation->downlink.transcoder);
	aic_buffer_free(&conversation->downlink.converted);
	aic_buffer_free(&conversation->telling.line);
	aic_barge_in_free(&conversation->barge_in);
	aic_echo_free(&conversation->echo);
	aic_activation_free(&conversation->activation);
	aic_caller_turn_free(&conversation->caller_turn);
	aic_tool_calls_clear(&conversation->tools_at_work.calls);
	free(conversation);
}

char *aic_conversation_said(const struct aic_conversation *conversation)
{
	return aic_history_text(&conversation->history, "");
}

/* --- the call --- */

/* A service that reads too slowly, or not at all, while it does send: nothing else tells of it. */
static void tell_uplink_loss(struct aic_conversation *conversation)
{
	/* What waits for a tool is not the service's fault. */
	if (conversation->phase != AIC_PHASE_ACTIVE || conversation->uplink_loss_told
		|| aic_tools_keep_caller_waiting(conversation)) {
		return;
	}
	conversation->uplink_loss_told = true;
	aic_conversation_tell_error(conversation, "audio of the caller is being dropped: the service takes it too slowly, "
		"or not at all");
}

void aic_conversation_send_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	uint64_t dropped_before = conversation->uplink.bytes_dropped;

	if (aic_uplink_add(&conversation->uplink, bytes, length)) {
		conversation->stats.errors++;
	}
	if (conversation->uplink.bytes_dropped != dropped_before) {
		tell_uplink_loss(conversation);
	}
}

void aic_conversation_take_caller(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	struct aic_energy before = conversation->uplink.energy, added;
	uint32_t rate = conversation->stats.line_format.rate;
	bool is_speech;

	if (!conversation->activation.is_open) {
		aic_activation_hears(conversation, bytes, length);
		return;
	}
	aic_uplink_hear(&conversation->uplink, bytes, length);
	added.square_sum = conversation->uplink.energy.square_sum - before.square_sum;
	added.samples = conversation->uplink.energy.samples - before.samples;
	is_speech = aic_caller_idle_audio(&conversation->caller_idle, &added, rate, conversation->now_us);
	if (is_speech) {
		aic_troubles_caller_spoke(conversation, added.samples * US_PER_SECOND / rate);
	}
	if (aic_caller_turn_is_ours(conversation)) {
		aic_caller_turn_hears(conversation, bytes, length, is_speech);
	} else {
		aic_conversation_send_caller(conversation, bytes, length);
	}
	if (aic_interruption_minds_caller(conversation)) {
		aic_interruption_audio(conversation, bytes, length, is_speech);
	} else if (is_speech && !aic_idle_agent_is_heard(conversation)) {
		aic_near_voice_heard(&conversation->barge_in.voice, &added);
	}
}

/* While the agent may be heard by the line: whether it is the caller. What was kept of that goes first. */
static bool let_through(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	const uint8_t *kept;
	size_t kept_length;

	if (!aic_echo_is_caller(conversation, bytes, length)) {
		return false;
	}
	kept = aic_echo_kept(conversation, &kept_length);
	if (kept_length) {
		if (aic_activation_allows_interruption(conversation)) {
			aic_interruption_heard(conversation);
		}
		aic_conversation_take_caller(conversation, kept, kept_length);
	}
	return true;
}

void aic_conversation_caller_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	uint64_t now_us)
{
	conversation->now_us = now_us;
	aic_troubles_audio_came(conversation);
	if (conversation->phase == AIC_PHASE_ENDED || conversation->hold.is_on || aic_digits_are_secret(conversation)
		|| aic_tools_silence_caller(conversation)) {
		return;
	}
	aic_stand_in_not_needed(&conversation->stand_in, now_us);
	if (!conversation->echo.guard || let_through(conversation, bytes, length)) {
		aic_conversation_take_caller(conversation, bytes, length);
	}
}

int aic_conversation_context(struct aic_conversation *conversation, const char *text)
{
	if (conversation->phase != AIC_PHASE_ACTIVE || !conversation->provider->context) {
		return -1;
	}
	conversation->provider->context(conversation, text);
	return 0;
}

int aic_conversation_user_message(struct aic_conversation *conversation, const char *text)
{
	if (conversation->phase != AIC_PHASE_ACTIVE || !aic_own_words_say(conversation, text)) {
		return -1;
	}
	aic_answer_expect_now(conversation);
	return 0;
}

/* --- the network --- */

void aic_conversation_service_heard(struct aic_conversation *conversation, uint64_t when_us)
{
	aic_service_watch_heard(&conversation->watchdog.service, when_us);
}

/* It says nothing against the session that was to be taken up: the server goes away. RFC 6455 section 7.4.1. */
static bool is_of_the_server(uint16_t code)
{
	return code == 0 || code == 1001 || code == 1012 || code == 1013;
}

void aic_conversation_closed(struct aic_conversation *conversation, uint16_t code, const char *reason, uint64_t now_us)
{
	/* The reason of a close often is the beginning of the error before it: said once. */
	struct aic_close close = {.code = code, .reason = reason, .was_active = conversation->phase == AIC_PHASE_ACTIVE,
		.reason_is_said = strstr(conversation->service_error, reason)};
	struct aic_close_meaning meaning;
	char text[AIC_REASON_MAX * 2 + 4];

	conversation->now_us = now_us;
	if (conversation->phase == AIC_PHASE_WAITING && conversation->reopen.under_way && !conversation->stats.attempts) {
		/* The one we closed: now the next can be opened. */
		conversation->attempts.due_us = now_us;
		return;
	}
	if (conversation->phase != AIC_PHASE_STARTING && conversation->phase != AIC_PHASE_ACTIVE) {
		return;
	}
	aic_close_code_explain(conversation->provider, &close, &meaning);
	if (conversation->service_error[0]) {
		size_t length = strlen(meaning.sentence) + strlen(" ()");
		int room = length < AIC_REASON_MAX ? (int) (AIC_REASON_MAX - 1 - length) : 0;

		/* A bracket left open would change how a dialplan reads the arguments behind it. */
		snprintf(text, sizeof(text), "%s (%.*s)", meaning.sentence, room, conversation->service_error);
	} else {
		snprintf(text, sizeof(text), "%s", meaning.sentence);
	}
	if (aic_conversation_hand_over_now(conversation) || aic_tools_end_had_been_called(conversation, code)) {
		return;
	}
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		bool goes_on = conversation->reopen.expires || meaning.reopen;

		if (!goes_on || !aic_conversation_reopen(conversation, text)) {
			conversation->outcome.play_out = meaning.status == AIC_STATUS_COMPLETED;
			aic_conversation_finish(conversation, meaning.status, code, text);
		}
	} else if (is_of_the_server(code) || !aic_conversation_begin_afresh(conversation, text)) {
		aic_conversation_attempt_failed(conversation, meaning.retry, meaning.busy, code, text);
	}
}

/* --- outputs --- */

/* Bytes of caller audio that the service may have now. */
static size_t next_chunk(const struct aic_conversation *conversation)
{
	if (aic_tools_keep_caller_waiting(conversation)) {
		return 0;
	}
	return aic_uplink_chunk(&conversation->uplink, conversation->caller_turn.is_over);
}

bool aic_conversation_wants_to_send(const struct aic_conversation *conversation)
{
	return conversation->outbox.first
		|| (conversation->phase == AIC_PHASE_ACTIVE && (conversation->watchdog.ping_pending
		|| next_chunk(conversation) || aic_caller_turn_is_to_finish(conversation)));
}

/* Renders the next chunk of caller audio. Returns false when there is none. */
static bool render_audio(struct aic_conversation *conversation, struct aic_action *action)
{
	const struct aic_provider *provider = conversation->provider;
	const uint8_t *audio = conversation->uplink.audio.bytes;
	struct aic_buffer *out = &conversation->audio_message;
	size_t chunk = conversation->phase == AIC_PHASE_ACTIVE ? next_chunk(conversation) : 0;
	int result;

	if (!chunk) {
		return false;
	}
	out->length = 0;
	result = aic_buffer_reserve(out, AIC_SEND_HEADROOM) ? 0 : -1;
	if (!result) {
		out->length = AIC_SEND_HEADROOM;
		result = provider->encode_audio ? provider->encode_audio(conversation, audio, chunk, out)
			: aic_buffer_append(out, audio, chunk);
	}
	aic_uplink_drop_chunk(&conversation->uplink, chunk);
	if (result) {
		conversation->stats.errors++;
		return false;
	}
	conversation->stand_in.alive_us = conversation->now_us;
	action->type = AIC_ACTION_SEND;
	action->message = out->bytes + AIC_SEND_HEADROOM;
	action->message_length = out->length - AIC_SEND_HEADROOM;
	action->binary = !provider->encode_audio;
	return true;
}

void aic_conversation_next_action(struct aic_conversation *conversation, bool writable, struct aic_action *action)
{
	*action = (struct aic_action) {.type = AIC_ACTION_NONE};
	aic_outbox_give_back(&conversation->outbox, conversation->sending);
	conversation->sending = NULL;
	if (writable && !conversation->outbox.first && aic_caller_turn_is_to_finish(conversation)
		&& !next_chunk(conversation)) {
		aic_caller_turn_finish(conversation);
	}

	if (conversation->abort_pending) {
		conversation->abort_pending = false;
		action->type = AIC_ACTION_ABORT;
	} else if (conversation->open_pending) {
		conversation->open_pending = false;
		action->type = AIC_ACTION_OPEN;
		action->request = &conversation->attempts.request;
	} else if (conversation->close_pending && !conversation->outbox.first) {
		conversation->close_pending = false;
		action->type = AIC_ACTION_CLOSE;
		action->close_code = CLOSE_NORMAL;
		action->close_reason = "User ended conversation";
	} else if (writable && conversation->watchdog.ping_pending && conversation->phase == AIC_PHASE_ACTIVE) {
		conversation->watchdog.ping_pending = false;
		action->type = AIC_ACTION_PING;
	} else if (writable && (conversation->sending = aic_outbox_take(&conversation->outbox))) {
		action->type = AIC_ACTION_SEND;
		action->message = conversation->sending->bytes + AIC_SEND_HEADROOM;
		action->message_length = conversation->sending->length;
	} else if (writable) {
		render_audio(conversation, action);
	}
	if (action->type == AIC_ACTION_SEND) {
		conversation->stats.messages_sent++;
	}
}

enum aic_phase aic_conversation_phase(const struct aic_conversation *conversation)
{
	return conversation->phase;
}

void aic_conversation_stats(const struct aic_conversation *conversation, struct aic_conversation_stats *stats)
{
	const struct aic_uplink *uplink = &conversation->uplink;

	*stats = conversation->stats;
	stats->phase = conversation->phase;
	stats->uplink_bytes = uplink->bytes_received;
	stats->uplink_silence_ms = uplink->silence_ms;
	stats->uplink_bytes_dropped = uplink->bytes_dropped;
	stats->uplink_bytes_sent = uplink->bytes_taken;
	stats->uplink_chunks_sent = uplink->chunks_taken;
	stats->uplink_bytes_waiting = uplink->audio.length;
	stats->uplink_dbfs = aic_energy_dbfs(&uplink->energy);
	stats->noise_dbfs = aic_speech_level_noise_dbfs(&conversation->caller_idle.level);
	stats->downlink_dbfs = aic_energy_dbfs(&conversation->downlink.energy);
	stats->open_tool_calls = conversation->tools_at_work.calls.count;
	aic_echo_stats(&conversation->echo, &stats->echo);
	stats->hears_caller = conversation->activation.is_open;
	memcpy(stats->trouble, conversation->troubles.text, sizeof(stats->trouble));
}
