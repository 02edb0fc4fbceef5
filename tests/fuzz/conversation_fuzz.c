/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A whole conversation whose caller, service, operator, network and clock do anything in any order, while the host does
 * what a host does. Whatever comes, what check_*() say holds.
 *
 *     run       2 bytes: from which allocation on memory is short (0: it never is); 1: how many are refused
 *     line      1 byte: its format; 1: `said`, tools run by the host, whether other agents may take the call
 *     agents    fuzzed_agent.h, twice
 *     steps     1 byte each, by its place in `steps`, with what they take
 *
 * Where memory is never short, the conversation is held twice, the second time with each message in small pieces: the
 * same has to come of it.
 */
#include "conversation.h"
#include "engine_memory.h"
#include "fft.h"
#include "fuzz_bytes.h"
#include "fuzzed_agent.h"
#include "json_check.h"
#include "outbox.h"
#include "require.h"
#include "speech.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define US_PER_MS UINT64_C(1000)
#define BEGIN_US UINT64_C(1000000000)
#define UNIX_US UINT64_C(1800000000000000)

#define PLAYOUT_MAX_DELAY_MS 200

/* More than so many of these at a moment, and the conversation keeps its host busy. */
#define ACTIONS_MAX 2048
#define TICKS_MAX 64

/* A call has more to say than a fuzzer finds out in a lifetime. */
#define STEPS_MAX 200

/* Of a message that is cut: 1 to so many bytes. */
#define PIECE_MAX 7

/* docs/architecture.md, "What a call may take", with messages of at most 4096 KiB. */
#define MEMORY_MAX (64u << 20)

static const struct aic_audio_format line_formats[] = {
	{AIC_ENCODING_ULAW, 8000},
	{AIC_ENCODING_PCM16, 8000},
	{AIC_ENCODING_ALAW, 8000},
	{AIC_ENCODING_PCM16, 16000},
	{AIC_ENCODING_PCM16, 48000},
};

enum opened {
	OPENED_NOTHING,
	OPENED_REQUEST, /* under way */
	OPENED_WEBSOCKET,
};

enum caller_sound {
	CALLER_SILENT,
	CALLER_SPEAKS,
	CALLER_ECHOES, /* the agent's own voice, and it only */
	CALLER_SHOUTS,
	CALLER_SOUNDS,
};

struct host {
	struct aic_conversation *conversation;
	struct aic_playout_queue *playout;
	struct aic_audio_format format;
	struct aic_agent_choice other;
	struct fuzz_bytes bytes;
	struct speech voice;
	uint64_t now_us;
	size_t piece; /* most bytes of a message at once; 0: all */
	enum opened opened;
	enum aic_request_kind request;
	bool is_writable, others_may_take, has_ended, is_text, is_amid_message;
	char tool[AIC_NAME_MAX + 1]; /* the id of the last call */
	uint8_t heard[AIC_FRAME_BYTES_MAX];
	uint64_t hash; /* of all that came of it */
};

static struct aic_fft *fft;

/* --- what holds --- */

static void note(struct host *host, const void *bytes, size_t length)
{
	const uint8_t *byte = bytes;

	/* FNV-1a. */
	for (size_t i = 0; i < length; i++) {
		host->hash = (host->hash ^ byte[i]) * UINT64_C(1099511628211);
	}
}

/* A text from outside is told as a line of bounded length. */
static void check_line(struct host *host, const char *text, size_t most)
{
	if (text) {
		size_t length = strlen(text);

		require(length <= most);
		require(aic_utf8_is_valid(text));
		require(aic_utf8_line_span(text, length) == length);
		note(host, text, length);
	}
}

static void check_event(struct host *host, const struct aic_event *event)
{
	require(!host->has_ended);
	/* Audio is told of as it comes, in whatever pieces that is. */
	if (event->type != AIC_EVENT_AUDIO) {
		note(host, &event->type, sizeof(event->type));
	}
	switch (event->type) {
	case AIC_EVENT_READY:
		check_line(host, event->ready.conversation_id, AIC_NAME_MAX);
		require(event->ready.uplink.rate && event->ready.downlink.rate);
		break;
	case AIC_EVENT_TRANSCRIPT:
		check_line(host, event->transcript.text, AIC_TRANSCRIPT_MAX);
		require(event->transcript.spoken_ms <= (host->now_us - BEGIN_US) / US_PER_MS);
		break;
	case AIC_EVENT_INTERRUPTION:
		require(event->interruption.result != NULL);
		note(host, &event->interruption.event_id, sizeof(event->interruption.event_id));
		break;
	case AIC_EVENT_TOOL_CALL:
		check_line(host, event->tool_call.id, AIC_NAME_MAX);
		check_line(host, event->tool_call.name, AIC_NAME_MAX);
		check_line(host, event->tool_call.parameters, AIC_PARAMETERS_MAX);
		require(is_json(event->tool_call.parameters, strlen(event->tool_call.parameters)));
		strcpy(host->tool, event->tool_call.id);
		break;
	case AIC_EVENT_TOOL_DONE:
		check_line(host, event->tool_done.id, AIC_NAME_MAX);
		check_line(host, event->tool_done.name, AIC_NAME_MAX);
		check_line(host, event->tool_done.result, AIC_PARAMETERS_MAX);
		break;
	case AIC_EVENT_KEYS:
		check_line(host, event->keys.pressed, AIC_NAME_MAX);
		break;
	case AIC_EVENT_FAILOVER:
		check_line(host, event->failover.reason, AIC_REASON_MAX - 1);
		break;
	case AIC_EVENT_TROUBLE:
		check_line(host, event->trouble.text, AIC_TROUBLE_TEXT_MAX - 1);
		break;
	case AIC_EVENT_ERROR:
		check_line(host, event->error.message, AIC_ERROR_MAX - 1);
		break;
	case AIC_EVENT_ENDED:
		check_line(host, event->ended->reason, AIC_REASON_MAX - 1);
		check_line(host, event->ended->transfer, AIC_TRANSFER_MAX - 1);
		require(event->ended->reason[0] != '\0');
		require(event->stats != NULL);
		host->has_ended = true;
		break;
	default:
		break;
	}
}

static void check_state(struct host *host)
{
	struct aic_conversation_stats stats;
	struct aic_playout_stats heard;

	aic_conversation_stats(host->conversation, &stats);
	aic_playout_queue_stats(host->playout, &heard);
	require((stats.phase == AIC_PHASE_ENDED) == host->has_ended);
	require(stats.uplink_bytes_sent <= UINT64_C(1) << 40);
	require(heard.queued_bytes % aic_sample_bytes(host->format) == 0);
	require(heard.queued_bytes <= heard.bytes_entered);
	require(engine_memory_now() <= MEMORY_MAX);
}

/* --- the host --- */

static void on_event(void *user, const struct aic_event *event)
{
	check_event(user, event);
}

static bool may_take(void *user, size_t other, char *reason)
{
	struct host *host = user;

	require(other == 0);
	strcpy(reason, "it is busy");
	return host->others_may_take;
}

static bool choose_agent(void *user, const char *name, struct aic_agent_choice *choice, char *reason)
{
	struct host *host = user;

	if (strcmp(name, OTHER_AGENT) || !host->others_may_take) {
		strcpy(reason, "there is no such agent");
		return false;
	}
	*choice = host->other;
	return true;
}

static void do_action(struct host *host, const struct aic_action *action)
{
	note(host, &action->type, sizeof(action->type));
	switch (action->type) {
	case AIC_ACTION_NONE:
		break;
	case AIC_ACTION_OPEN:
		require(host->opened == OPENED_NOTHING && !host->has_ended);
		require(!strncmp(action->request->url, action->request->kind == AIC_REQUEST_WEBSOCKET ? "ws" : "http",
			action->request->kind == AIC_REQUEST_WEBSOCKET ? 2 : 4));
		require(action->request->header_count <= AIC_REQUEST_HEADERS);
		host->opened = OPENED_REQUEST;
		host->request = action->request->kind;
		break;
	case AIC_ACTION_SEND:
		require(host->opened == OPENED_WEBSOCKET && host->is_writable);
		require(action->message_length && action->message_length <= AIC_OUTBOX_BYTES_MAX);
		memset(action->message - AIC_SEND_HEADROOM, 0, AIC_SEND_HEADROOM);
		require(action->binary || is_json(action->message, action->message_length));
		note(host, action->message, action->message_length);
		/* The host masks it in place. */
		memset(action->message, 0x55, action->message_length);
		break;
	case AIC_ACTION_PING:
		require(host->opened == OPENED_WEBSOCKET && host->is_writable);
		break;
	case AIC_ACTION_CLOSE:
		require(host->opened == OPENED_WEBSOCKET);
		require(action->close_code >= 1000 && action->close_code < 5000);
		require(strlen(action->close_reason) <= 123);
		host->opened = OPENED_NOTHING;
		break;
	case AIC_ACTION_ABORT:
		host->opened = OPENED_NOTHING;
		break;
	}
	if (host->opened != OPENED_WEBSOCKET) {
		host->is_amid_message = false;
	}
}

static void do_actions(struct host *host)
{
	struct aic_action action = {.type = AIC_ACTION_ABORT};

	for (int i = 0; action.type != AIC_ACTION_NONE; i++) {
		require(i < ACTIONS_MAX);
		aic_conversation_next_action(host->conversation, host->is_writable && host->opened == OPENED_WEBSOCKET,
			&action);
		do_action(host, &action);
	}
	check_state(host);
}

/* Time passes, and what is due meanwhile is done when it is. */
static void wait_until(struct host *host, uint64_t then_us)
{
	uint64_t deadline;
	int ticks = 0;

	while ((deadline = aic_conversation_deadline(host->conversation)) <= then_us) {
		ticks = deadline > host->now_us ? 0 : ticks + 1;
		require(ticks < TICKS_MAX);
		host->now_us = deadline > host->now_us ? deadline : host->now_us;
		aic_conversation_tick(host->conversation, host->now_us);
		do_actions(host);
	}
	host->now_us = then_us;
}

/* --- what may happen --- */

/* Each piece lies in memory of its own: a byte behind it is nobody's. */
static void send_message(struct host *host, const uint8_t *bytes, size_t length, bool is_complete)
{
	size_t at = 0;

	if (host->opened != OPENED_WEBSOCKET) {
		return;
	}
	do {
		size_t some = host->piece && host->piece < length - at ? host->piece : length - at;
		bool ends = is_complete && at + some == length;
		uint8_t *piece = own_copy(bytes + at, some);

		if (host->is_text) {
			aic_conversation_message(host->conversation, (const char *) piece, some, ends, host->now_us);
		} else {
			aic_conversation_binary_message(host->conversation, piece, some, ends, host->now_us);
		}
		own_free(piece);
		at += some;
	} while (at < length);
	host->is_amid_message = !is_complete;
}

static void message(struct host *host, bool is_text, bool is_complete)
{
	size_t length = fuzz_u16(&host->bytes);
	const uint8_t *bytes = fuzz_take(&host->bytes, &length);

	/* A message that has begun is ended as what it is. */
	host->is_text = host->is_amid_message ? host->is_text : is_text;
	send_message(host, bytes, length, is_complete);
}

static void text_message(struct host *host)
{
	message(host, true, true);
}

static void binary_message(struct host *host)
{
	message(host, false, true);
}

static void beginning_of_text_message(struct host *host)
{
	message(host, true, false);
}

static void beginning_of_binary_message(struct host *host)
{
	message(host, false, false);
}

static void sound(struct host *host, enum caller_sound what, uint8_t *frame)
{
	int16_t samples[AIC_FRAME_BYTES_MAX / sizeof(int16_t)];
	size_t count = aic_format_bytes(host->format, AIC_FRAME_MS) / aic_sample_bytes(host->format);

	switch (what) {
	case CALLER_ECHOES:
		memcpy(frame, host->heard, sizeof(host->heard));
		return;
	case CALLER_SPEAKS:
		speech_samples(&host->voice, samples, count);
		break;
	case CALLER_SHOUTS:
		for (size_t i = 0; i < count; i++) {
			samples[i] = i & 8 ? INT16_MAX : INT16_MIN;
		}
		break;
	default:
		memset(samples, 0, sizeof(samples));
		break;
	}
	aic_format_encode(host->format, samples, count, frame);
}

/* Some frames of the call: the caller is heard, and hears. */
static void call_goes_on(struct host *host)
{
	size_t frames = fuzz_byte(&host->bytes) % 64 + 1u, length = aic_format_bytes(host->format, AIC_FRAME_MS);
	uint8_t how = fuzz_byte(&host->bytes), frame[AIC_FRAME_BYTES_MAX];

	for (size_t i = 0; i < frames; i++) {
		wait_until(host, host->now_us + AIC_FRAME_US);
		memset(host->heard, aic_silence_byte(host->format.encoding), sizeof(host->heard));
		if (aic_playout_queue_take(host->playout, host->heard) == AIC_PLAYOUT_FRAME) {
			aic_conversation_agent_heard(host->conversation, host->heard, length, host->now_us);
			note(host, host->heard, length);
		}
		sound(host, how % CALLER_SOUNDS, frame);
		aic_conversation_caller_audio(host->conversation, frame, length, host->now_us);
		do_actions(host);
	}
}

/* Whole samples, as many as there are, of whatever they are. */
static void any_caller_audio(struct host *host)
{
	size_t length = fuzz_u16(&host->bytes);
	const uint8_t *bytes = fuzz_take(&host->bytes, &length);
	size_t whole = length - length % aic_sample_bytes(host->format);
	uint8_t *copy = own_copy(bytes, whole);

	aic_conversation_caller_audio(host->conversation, copy, whole, host->now_us);
	own_free(copy);
}

static void time_passes(struct host *host)
{
	wait_until(host, host->now_us + fuzz_byte(&host->bytes) * 10 * US_PER_MS);
}

static void much_time_passes(struct host *host)
{
	wait_until(host, host->now_us + fuzz_byte(&host->bytes) * 1000 * US_PER_MS);
}

static void key_is_pressed(struct host *host)
{
	static const char keys[] = "0123456789*#ABCD";

	aic_conversation_dtmf(host->conversation, keys[fuzz_byte(&host->bytes) % 16], host->now_us);
}

static void connection_opens(struct host *host)
{
	struct aic_open_times times = {.tcp_us = 1000, .reply_us = 2000};

	if (host->opened == OPENED_REQUEST && host->request == AIC_REQUEST_WEBSOCKET) {
		host->opened = OPENED_WEBSOCKET;
		aic_conversation_connected(host->conversation, &times, host->now_us);
	}
}

static void reply_comes(struct host *host)
{
	struct aic_open_times times = {.tcp_us = 1000};
	int status = fuzz_u16(&host->bytes) % 600;
	size_t length = fuzz_u16(&host->bytes);
	const uint8_t *bytes = fuzz_take(&host->bytes, &length);

	if (host->opened == OPENED_REQUEST && host->request == AIC_REQUEST_HTTP_GET) {
		char *copy = own_copy(bytes, length);

		host->opened = OPENED_NOTHING;
		aic_conversation_http_reply(host->conversation, status, copy, length, &times, host->now_us);
		own_free(copy);
	}
}

static void request_fails(struct host *host)
{
	uint8_t how = fuzz_byte(&host->bytes);
	struct aic_request_failure failure = {.retry = how & 1, .http_status = how & 2 ? 401 + how : 0, .text = "no"};

	if (host->opened == OPENED_REQUEST) {
		host->opened = OPENED_NOTHING;
		aic_conversation_request_failed(host->conversation, &failure, host->now_us);
	}
}

static void connection_closes(struct host *host)
{
	uint16_t code = fuzz_u16(&host->bytes);

	if (host->opened == OPENED_WEBSOCKET) {
		host->opened = OPENED_NOTHING;
		host->is_amid_message = false;
		aic_conversation_closed(host->conversation, code, code ? "\x1b[2Jgone\nfor good" : "", host->now_us);
	}
}

static void socket_blocks(struct host *host)
{
	host->is_writable = fuzz_byte(&host->bytes) & 1;
}

static void service_is_alive(struct host *host)
{
	if (aic_conversation_doubts_service(host->conversation, host->now_us)) {
		aic_conversation_service_heard(host->conversation, host->now_us);
	}
}

static void hold(struct host *host)
{
	aic_conversation_hold(host->conversation, fuzz_byte(&host->bytes) & 1, host->now_us);
}

/* What an operator, or a tool, says. To be given to own_free(). */
static char *any_text(struct host *host)
{
	size_t length = fuzz_byte(&host->bytes);
	const uint8_t *bytes = fuzz_take(&host->bytes, &length);

	return own_text(bytes, length);
}

static void tool_answers(struct host *host)
{
	uint8_t how = fuzz_byte(&host->bytes);
	char *text = any_text(host);

	aic_conversation_tool_result(host->conversation, host->tool, text, how & 1, how & 2);
	own_free(text);
}

static void transfer(struct host *host)
{
	aic_conversation_transfer(host->conversation, host->tool, fuzz_byte(&host->bytes) & 1);
}

static void listening(struct host *host)
{
	if (fuzz_byte(&host->bytes) & 1) {
		aic_conversation_listen(host->conversation, host->tool, host->now_us);
	} else {
		aic_conversation_stop_listening(host->conversation, host->now_us);
	}
}

static void operator_speaks(struct host *host)
{
	uint8_t how = fuzz_byte(&host->bytes);
	char *text = any_text(host);
	struct aic_variable value = {"what", text};

	switch (how % 4) {
	case 0:
		aic_conversation_context(host->conversation, text);
		break;
	case 1:
		aic_conversation_user_message(host->conversation, text);
		break;
	case 2:
		aic_conversation_enter_state(host->conversation, PROMPT_STATE, &value, 1);
		break;
	default:
		aic_conversation_enter_state(host->conversation, text, NULL, 0);
		break;
	}
	own_free(text);
}

static void lookup_answers(struct host *host)
{
	char *text = any_text(host);
	struct aic_variable value = {"name", text};

	aic_conversation_found(host->conversation, &value, 1, host->now_us);
	own_free(text);
}

static void interruptions(struct host *host)
{
	aic_conversation_allow_interruptions(host->conversation, fuzz_byte(&host->bytes) & 1);
}

static void end(struct host *host)
{
	uint8_t status = fuzz_byte(&host->bytes);

	aic_conversation_end(host->conversation, status % (AIC_STATUS_INVALID + 1), "The caller hung up", host->now_us);
}

static void asks_what_was_said(struct host *host)
{
	char *said = aic_conversation_said(host->conversation);

	if (said) {
		require(aic_utf8_is_valid(said));
		free(said);
	}
}

/* Seeds know them by their place. */
static void (*const steps[])(struct host *host) = {
	text_message,
	binary_message,
	beginning_of_text_message,
	beginning_of_binary_message,
	call_goes_on,
	any_caller_audio,
	time_passes,
	much_time_passes,
	key_is_pressed,
	connection_opens,
	reply_comes,
	request_fails,
	connection_closes,
	socket_blocks,
	service_is_alive,
	hold,
	tool_answers,
	transfer,
	listening,
	operator_speaks,
	lookup_answers,
	interruptions,
	end,
	asks_what_was_said,
};

/* --- from its beginning to its end --- */

static void hold_conversation(struct host *host, const struct fuzzed_agent *agent, const struct fuzzed_agent *other)
{
	uint8_t how = fuzz_byte(&host->bytes);
	struct aic_agent_choice others[] = {fuzzed_agent_choice(other)};
	struct aic_conversation_setup setup = {
		.agent = fuzzed_agent_choice(agent),
		.others = others,
		.other_count = how & 1,
		.line_format = host->format,
		.runs_tools = how & 2,
		.said = how & 4 ? "Caller: good day\nAgent: what can I do for you?" : NULL,
		.unix_us = UNIX_US,
		.fft = fft,
		.playout = host->playout,
		.on_event = on_event,
		.may_take = may_take,
		.choose_agent = choose_agent,
		.user = host,
	};

	host->others_may_take = how & 8;
	host->other = others[0];
	host->conversation = aic_conversation_new(&setup, host->now_us);
	if (!host->conversation) {
		require(engine_memory_refused());
		return;
	}
	wait_until(host, host->now_us);
	for (int i = 0; i < STEPS_MAX && host->bytes.left; i++) {
		steps[fuzz_byte(&host->bytes) % LENGTH(steps)](host);
		do_actions(host);
		wait_until(host, host->now_us);
	}
	host->is_writable = true;
	aic_conversation_end(host->conversation, AIC_STATUS_CALLER_HANGUP, "The caller hung up", host->now_us);
	do_actions(host);
	require(host->has_ended && host->opened == OPENED_NOTHING);
	require(aic_conversation_deadline(host->conversation) == UINT64_MAX);
	aic_conversation_free(host->conversation);
}

/* Returns a hash of all that came of it. */
static uint64_t run(struct fuzz_bytes bytes, size_t piece)
{
	struct host host = {
		.now_us = BEGIN_US,
		.piece = piece,
		.is_writable = true,
		.hash = UINT64_C(14695981039346656037),
	};
	struct fuzzed_agent agent, other;

	host.format = line_formats[fuzz_byte(&bytes) % LENGTH(line_formats)];
	host.voice.rate = host.format.rate;
	if (fuzzed_agent_make(&agent, "fuzz", &bytes)) {
		if (fuzzed_agent_make(&other, OTHER_AGENT, &bytes)) {
			host.bytes = bytes;
			host.playout = aic_playout_queue_new(host.format,
				(uint32_t) agent.settings.playout_limit_seconds * 1000, PLAYOUT_MAX_DELAY_MS);
			if (host.playout) {
				hold_conversation(&host, &agent, &other);
				aic_playout_queue_free(host.playout);
			}
			fuzzed_agent_free(&other);
		}
		fuzzed_agent_free(&agent);
	}
	return host.hash;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	fft = aic_fft_new();
	return fft ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};
	uint16_t fails = fuzz_u16(&bytes);
	uint8_t count = fuzz_byte(&bytes);
	size_t before = engine_memory_now();
	uint64_t whole;

	engine_memory_begin(fails, count ? count : UINT32_MAX);
	whole = run(bytes, 0);
	require(engine_memory_now() == before);
	if (!fails) {
		require(run(bytes, size % PIECE_MAX + 1) == whole);
		require(engine_memory_now() == before);
	}
	engine_memory_begin(0, 0);
	return 0;
}
