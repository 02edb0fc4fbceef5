/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Replays a conversation of a minute through the engine alone, on a clock of its own: what the engine does for 20 ms of
 * a call can be counted then, in instructions (run it under callgrind, collecting in steady_state()) and in calls of
 * malloc().
 *
 *     replay --provider elevenlabs --chunk 20 --format ulaw_8000
 *     replay --providers      (and what each speaks)
 *
 * The first round (schedule.h) is for memory to grow to what is needed; the steady state is all that follows.
 * Everything the caller and the service say is made beforehand. Prints one line of JSON, or one sentence that says what
 * went otherwise than it should.
 */
#include "allocations.h"
#include "conversation.h"
#include "g711.h"
#include "playout_queue.h"
#include "providers.h"
#include "schedule.h"
#include "speech.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_MS UINT64_C(1000)
#define FRAMES (CONVERSATION_MS / AIC_FRAME_MS)
#define STEADY_FROM (ROUND_MS / AIC_FRAME_MS)
#define PLAYOUT_LIMIT_MS 60000
#define PLAYOUT_MAX_DELAY_MS 200

static const struct aic_audio_format line_format = {AIC_ENCODING_ULAW, 8000};

/* What the command line says. */
static struct {
	const struct service *service;
	struct aic_audio_format format;
	const char *chunk_ms;
	size_t piece; /* most bytes of a message that arrive at once */
} wanted = {.chunk_ms = "20", .piece = 4096};

struct replay {
	struct aic_conversation *conversation;
	struct aic_playout_queue *playout;
	struct schedule schedule;
	size_t next_message;
	uint8_t *caller; /* owned; all frames of it */
	size_t frame_bytes;
	uint64_t now_us;
	uint64_t frames_played, messages_sent, bytes_sent, bytes_received;
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list arguments;

	fputs("replay: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* --- the host --- */

static void on_event(void *user, const struct aic_event *event)
{
	(void) user;
	if (event->type == AIC_EVENT_ERROR) {
		die("the conversation reported an error: %s", event->error.message);
	}
	if (event->type == AIC_EVENT_ENDED) {
		die("the conversation ended: %s", event->ended->reason);
	}
}

static void do_actions(struct replay *replay)
{
	struct aic_action action;

	for (;;) {
		aic_conversation_next_action(replay->conversation, true, &action);
		switch (action.type) {
		case AIC_ACTION_NONE:
			return;
		case AIC_ACTION_SEND:
			replay->messages_sent++;
			replay->bytes_sent += action.message_length;
			break;
		case AIC_ACTION_OPEN:
			if (action.request->kind != AIC_REQUEST_WEBSOCKET) {
				die("the provider fetches a URL first: give its agent a fixed one (services/)");
			}
			aic_conversation_connected(replay->conversation, &(struct aic_open_times) {0}, replay->now_us);
			break;
		case AIC_ACTION_PING:
		case AIC_ACTION_CLOSE:
		case AIC_ACTION_ABORT:
			die("the conversation hung up, or found the service silent");
		}
	}
}

static void receive(struct replay *replay, const struct message *message)
{
	const uint8_t *bytes = replay->schedule.text.bytes + message->offset;

	for (size_t at = 0; at < message->length; at += wanted.piece) {
		size_t rest = message->length - at, piece = rest < wanted.piece ? rest : wanted.piece;

		if (message->binary) {
			aic_conversation_binary_message(replay->conversation, bytes + at, piece, piece == rest, replay->now_us);
		} else {
			aic_conversation_message(replay->conversation, (const char *) bytes + at, piece, piece == rest,
				replay->now_us);
		}
	}
	replay->bytes_received += message->length;
}

/* What a host does in 20 ms: the network brings what is due, the caller speaks, the media clock takes a frame. */
static void do_frame(struct replay *replay, uint32_t frame)
{
	uint8_t played[AIC_FRAME_BYTES_MAX];
	const struct schedule *schedule = &replay->schedule;

	replay->now_us = frame * AIC_FRAME_MS * US_PER_MS;
	if (replay->now_us >= aic_conversation_deadline(replay->conversation)) {
		aic_conversation_tick(replay->conversation, replay->now_us);
		do_actions(replay);
	}
	while (replay->next_message < schedule->count
		&& schedule->messages[replay->next_message].at_ms <= frame * AIC_FRAME_MS) {
		receive(replay, &schedule->messages[replay->next_message++]);
	}
	aic_conversation_caller_audio(replay->conversation, replay->caller + frame * replay->frame_bytes,
		replay->frame_bytes, replay->now_us);
	do_actions(replay);
	if (aic_playout_queue_take(replay->playout, played) == AIC_PLAYOUT_FRAME) {
		replay->frames_played++;
	}
}

/* Callgrind is told to collect from where this begins to where it ends. */
static void __attribute__((noinline)) steady_state(struct replay *replay)
{
	for (uint32_t frame = STEADY_FROM; frame < FRAMES; frame++) {
		do_frame(replay, frame);
	}
}

/* --- beginning and end --- */

static bool is_format_of(const struct service *service, const char *format)
{
	for (const char *const *known = service->formats; *known; known++) {
		if (!strcmp(*known, format)) {
			return true;
		}
	}
	return false;
}

static void print_problem(void *user, const char *problem)
{
	(void) user;
	fprintf(stderr, "replay: %s\n", problem);
}

static void read_settings(struct aic_settings *settings)
{
	struct aic_option_line lines[16] = {
		{"replay", 1, "provider", wanted.service->name},
		{"replay", 1, "audio_frames_buffer_ms", wanted.chunk_ms},
		/* Each of the service's is one: what is counted does not hang on how long deciding takes. */
		{"replay", 1, "interruption", "service"},
	};
	struct aic_settings general;
	char format[32];
	size_t count = 3;

	if (wanted.service->format_option) {
		lines[count++] = (struct aic_option_line) {"replay", 1, wanted.service->format_option,
			aic_format_name(wanted.format, format, sizeof(format))};
	}
	if (count + wanted.service->line_count > sizeof(lines) / sizeof(lines[0])) {
		die("the service has too many options");
	}
	memcpy(lines + count, wanted.service->lines, wanted.service->line_count * sizeof(lines[0]));
	count += wanted.service->line_count;
	if (aic_settings_init(&general) || aic_settings_init(settings)) {
		die("out of memory");
	}
	if (aic_settings_read_agent(settings, &general, "replay", lines, count, print_problem, NULL)) {
		die("these options do not make an agent");
	}
	aic_settings_free(&general);
}

static uint8_t *caller_audio(size_t length)
{
	struct speech voice = {.rate = line_format.rate};
	int16_t *samples = malloc(length * sizeof(*samples));
	uint8_t *codes = malloc(length);

	if (!samples || !codes) {
		die("out of memory");
	}
	speech_samples(&voice, samples, length);
	aic_ulaw_encode(samples, codes, length);
	free(samples);
	return codes;
}

/* A replay that did not do what it is counted for is none. */
static void check(const struct replay *replay)
{
	struct aic_conversation_stats stats;
	uint64_t caller_bytes = (uint64_t) FRAMES * replay->frame_bytes, frames_sent;

	aic_conversation_stats(replay->conversation, &stats);
	frames_sent = aic_format_ms(stats.uplink_format, stats.uplink_bytes_sent) / AIC_FRAME_MS;
	if (stats.messages_received != replay->schedule.count || stats.unknown_messages || stats.malformed_messages
		|| stats.errors) {
		die("of %zu messages %" PRIu64 " were received, %" PRIu64 " of an unknown type, %" PRIu64 " malformed; errors: "
			"%" PRIu64,
			replay->schedule.count, stats.messages_received, stats.unknown_messages, stats.malformed_messages,
			stats.errors);
	}
	if (stats.downlink_bytes != replay->schedule.audio_bytes
		|| stats.interruptions != (wanted.service->goes_on ? 0 : CONVERSATION_MS / ROUND_MS)) {
		die("%" PRIu64 " bytes of agent audio instead of %zu, %" PRIu64 " interruptions", stats.downlink_bytes,
			replay->schedule.audio_bytes, stats.interruptions);
	}
	/* A chunk and what the resampler holds back may be left. */
	if (stats.uplink_bytes != caller_bytes || stats.uplink_silence_ms || frames_sent * 100 < FRAMES * UINT64_C(98)) {
		die("%" PRIu64 " bytes of caller audio instead of %" PRIu64 ", %" PRIu64 " ms of silence, "
			"%" PRIu64 " frames sent",
			stats.uplink_bytes, caller_bytes, stats.uplink_silence_ms, frames_sent);
	}
	if (replay->frames_played * 10 < FRAMES * UINT64_C(4)
		|| replay->frames_played * 10 > FRAMES * (wanted.service->goes_on ? UINT64_C(8) : UINT64_C(6))) {
		die("the agent was heard for %" PRIu64 " of %d frames", replay->frames_played, FRAMES);
	}
}

static void print_result(const struct replay *replay, const struct replay *before, uint64_t allocations)
{
	char format[32];

	printf("{\"provider\":\"%s\",\"chunk_ms\":%s,\"format\":\"%s\",", wanted.service->name, wanted.chunk_ms,
		aic_format_name(wanted.format, format, sizeof(format)));
	printf("\"frames\":%d,\"frames_played\":%" PRIu64 ",\"allocations\":%" PRIu64 ",", FRAMES - STEADY_FROM,
		replay->frames_played - before->frames_played, allocations);
	printf("\"messages_received\":%zu,\"bytes_received\":%" PRIu64 ",\"messages_sent\":%" PRIu64 ",\"bytes_sent\":%" PRIu64 "}\n",
		replay->next_message - before->next_message, replay->bytes_received - before->bytes_received,
		replay->messages_sent - before->messages_sent, replay->bytes_sent - before->bytes_sent);
}

static void run(void)
{
	struct replay replay = {.frame_bytes = aic_format_bytes(line_format, AIC_FRAME_MS)}, before;
	struct aic_conversation_setup setup = {.line_format = line_format, .on_event = on_event};
	struct aic_settings settings;
	uint64_t allocations;

	read_settings(&settings);
	schedule_write(&replay.schedule, wanted.service, wanted.format);
	replay.caller = caller_audio(FRAMES * replay.frame_bytes);
	replay.playout = aic_playout_queue_new(line_format, PLAYOUT_LIMIT_MS, PLAYOUT_MAX_DELAY_MS);
	setup.agent.settings = &settings;
	setup.agent.provider = aic_provider_of(settings.provider);
	setup.playout = replay.playout;
	replay.conversation = aic_conversation_new(&setup, 0);
	if (!replay.playout || !replay.conversation) {
		die("out of memory");
	}
	for (uint32_t frame = 0; frame < STEADY_FROM; frame++) {
		do_frame(&replay, frame);
	}
	before = replay;
	allocations = allocation_calls();
	steady_state(&replay);
	allocations = allocation_calls() - allocations;
	check(&replay);
	print_result(&replay, &before, allocations);
	aic_conversation_free(replay.conversation);
	aic_playout_queue_free(replay.playout);
	aic_settings_free(&settings);
	schedule_free(&replay.schedule);
	free(replay.caller);
}

static void print_providers(void)
{
	for (size_t i = 0; service_at(i); i++) {
		printf("%s", service_at(i)->name);
		for (const char *const *format = service_at(i)->formats; *format; format++) {
			printf(" %s", *format);
		}
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"provider", required_argument, NULL, 'p'},
		{"chunk", required_argument, NULL, 'c'},
		{"format", required_argument, NULL, 'f'},
		{"piece", required_argument, NULL, 'b'},
		{"providers", no_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	const char *provider = "elevenlabs", *format = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			provider = optarg;
			break;
		case 'c':
			wanted.chunk_ms = optarg;
			break;
		case 'f':
			format = optarg;
			break;
		case 'b':
			wanted.piece = strtoul(optarg, NULL, 10);
			break;
		case 'l':
			print_providers();
			return 0;
		default:
			return 1;
		}
	}
	if (!(wanted.service = service_of(provider))) {
		die("--provider %s: expected one of those that --providers names", provider);
	}
	format = format ? format : wanted.service->formats[0];
	if (!is_format_of(wanted.service, format) || aic_format_parse(format, &wanted.format)) {
		die("--format %s: expected one of those that --providers names with the provider", format);
	}
	if (!wanted.piece) {
		die("--piece: expected the most bytes of a message that arrive at once");
	}
	run();
	return 0;
}
