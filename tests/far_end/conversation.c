/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation.h"

#include "agent.h"
#include "answers.h"
#include "buffer.h"
#include "client_message.h"
#include "facts.h"
#include "outgoing.h"
#include "pings.h"
#include "speaker.h"
#include "timers.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest message the service takes. */
#define MESSAGE_MAX (16u * 1024 * 1024)

#define OPENING_LIMIT_US UINT64_C(10000000)

/* The event id of everything an echo says: it is one run of audio. */
#define ECHO_EVENT_ID 1

#define CLOSE_NO_CODE 1005
#define CLOSE_NO_FRAME 1006
#define CLOSE_POLICY_VIOLATION 1008
/* With the terminator. */
#define CLOSE_REASON_SIZE 124

#define CLOSE_REFUSED 3000 /* with which the service ends a conversation it never began */

struct conversation {
	const struct service *service;
	struct outgoing outgoing;
	struct answers answers;
	struct agent agent;
	struct conversation_counts counts;
	struct pings pings;
	struct speaker speaker;
	struct timer opening_limit;
	struct aic_buffer assembled; /* a message in fragments */
	uint64_t number;
	const char *refusal; /* why it never begins; NULL: it does */
	bool opened;
	bool ended; /* the client said its farewell */
	bool closing; /* of our own will; `close_code` says why */
	int close_code; /* 0: none yet */
	max_align_t state[]; /* the service's */
};

static uint64_t conversations;

/* It says nothing more of its own accord. */
static void be_quiet(struct conversation *conversation)
{
	answers_stop(&conversation->answers);
	pings_stop(&conversation->pings);
	speaker_stop(&conversation->speaker);
}

/*
 * Closes with a close frame; what was not sent yet is dropped. Only for what the receive callback returns: a debug
 * build of libwebsockets on libuv (Debian's) closes twice what any other callback closes, and the second time without
 * its close frame. Returns -1.
 */
static int close_connection(struct conversation *conversation, int code, const char *reason)
{
	unsigned char text[CLOSE_REASON_SIZE];
	int length = snprintf((char *) text, sizeof(text), "%s", reason);

	conversation->closing = true;
	conversation->close_code = code;
	if (conversation->outgoing.wsi) {
		lws_close_reason(conversation->outgoing.wsi, (enum lws_close_status) code, text,
			(size_t) length < sizeof(text) ? (size_t) length : sizeof(text) - 1);
	}
	be_quiet(conversation);
	timer_stop(&conversation->opening_limit);
	return -1;
}

static void violation(const struct conversation *conversation, const char *problem)
{
	facts_violation("%s %s: %s", conversation->service->name, conversation->agent.name, problem);
}

static int break_off(struct conversation *conversation, const char *problem)
{
	violation(conversation, problem);
	return close_connection(conversation, CLOSE_POLICY_VIOLATION, problem);
}

static void on_opening_limit(void *arg)
{
	struct conversation *conversation = arg;
	char problem[80];

	snprintf(problem, sizeof(problem), "no %s within 10 s", conversation->service->opening);
	violation(conversation, problem);
	outgoing_abandon(&conversation->outgoing);
}

static const char *refusal(const struct service *service, struct agent *agent, const char *name)
{
	const char *problem = agent_of_name(agent, name);

	return problem ? problem : service_refuses(service, agent);
}

struct conversation *conversation_new(struct lws *wsi, const struct service *service, const char *agent_name)
{
	struct conversation *conversation = calloc(1, sizeof(*conversation) + service->state_size);

	if (!conversation) {
		return NULL;
	}
	conversation->service = service;
	conversation->outgoing.wsi = wsi;
	answers_start(&conversation->answers, &conversation->outgoing);
	conversation->number = ++conversations;
	conversation->opening_limit.run = on_opening_limit;
	conversation->opening_limit.arg = conversation;
	if ((conversation->refusal = refusal(service, &conversation->agent, agent_name))) {
		violation(conversation, conversation->refusal);
	}
	timer_start(&conversation->opening_limit, now_us() + OPENING_LIMIT_US);
	/* Where that fails the connection goes down by itself. */
	if (service->greet) {
		service_message_send(&conversation->outgoing, service->greet(conversation->number));
	}
	return conversation;
}

static int begin(struct conversation *conversation)
{
	const struct service *service = conversation->service;

	timer_stop(&conversation->opening_limit);
	conversation->opened = true;
	if (service->ready && service_message_send(&conversation->outgoing, service->ready(conversation->number,
		&conversation->agent))) {
		return -1;
	}
	if (service->ping) {
		pings_start(&conversation->pings, service, &conversation->outgoing, &conversation->counts,
			conversation->agent.name);
	}
	speaker_start(&conversation->speaker, service, conversation->state, &conversation->agent, &conversation->outgoing,
		&conversation->counts, conversation->number, conversation->answers.delay_us);
	return 0;
}

static int take_audio(struct conversation *conversation, const struct client_message *message)
{
	const struct service *service = conversation->service;
	struct service_message echo;

	if (message->audio_bytes % (service->sample_bytes ? service->sample_bytes : conversation->agent.sample_bytes)) {
		return break_off(conversation, "audio: no whole number of 16-bit samples");
	}
	conversation->counts.chunks_in++;
	conversation->counts.bytes_in += message->audio_bytes;
	if (conversation->agent.kind != AGENT_ECHO) {
		return 0;
	}
	conversation->counts.chunks_out++;
	conversation->counts.bytes_out += message->audio_bytes;
	echo = service->audio(conversation->state, &message->audio, ECHO_EVENT_ID);
	return answers_send(&conversation->answers, echo.bytes, echo.length, echo.kind);
}

/* Breaks off with a problem that is told with the name of a message. */
static int break_off_at(struct conversation *conversation, const char *problem, const char *name)
{
	char text[CLOSE_REASON_SIZE];

	snprintf(text, sizeof(text), "%s %s", problem, name);
	return break_off(conversation, text);
}

static int take_first(struct conversation *conversation, const struct client_message *message)
{
	switch (message->kind) {
	case CLIENT_PRELUDE:
		return 0;
	case CLIENT_OPENING:
		return begin(conversation);
	default:
		return break_off_at(conversation, "the first message must be", conversation->service->opening);
	}
}

/* The client closes next. */
static int take_farewell(struct conversation *conversation)
{
	const struct service *service = conversation->service;

	conversation->ended = true;
	answers_stop(&conversation->answers);
	speaker_stop(&conversation->speaker);
	return service->goodbye ? service_message_send(&conversation->outgoing, service->goodbye(conversation->number)) : 0;
}

static int take_message(struct conversation *conversation, const struct client_message *message)
{
	if (message->kind == CLIENT_BAD) {
		return break_off(conversation, message->problem);
	}
	if (!conversation->opened) {
		return take_first(conversation, message);
	}
	if (conversation->ended) {
		return break_off_at(conversation, "a message behind", conversation->service->farewell);
	}
	switch (message->kind) {
	case CLIENT_AUDIO:
		return take_audio(conversation, message);
	case CLIENT_PONG:
		pings_answered(&conversation->pings, message->event_id);
		return 0;
	case CLIENT_FAREWELL:
		return take_farewell(conversation);
	case CLIENT_PRELUDE:
	case CLIENT_OPENING:
		return break_off_at(conversation, "a second", conversation->service->opening);
	case CLIENT_OTHER:
	case CLIENT_BAD:
		break;
	}
	return 0;
}

static void read_binary_audio(struct client_message *message, const char *bytes, size_t length)
{
	message->kind = CLIENT_AUDIO;
	message->audio = (struct audio_chunk) {.bytes = (const uint8_t *) bytes, .length = length};
	message->audio_bytes = length;
	if (!length) {
		client_message_bad(message, "a binary message without audio");
	}
}

static int read_message(struct conversation *conversation, const char *bytes, size_t length, bool binary)
{
	struct client_message message;

	totals.messages_in++;
	totals.bytes_in += length;
	if (conversation->refusal) {
		return close_connection(conversation, CLOSE_REFUSED, conversation->refusal);
	}
	if (binary) {
		read_binary_audio(&message, bytes, length);
	} else {
		conversation->service->read(conversation->state, bytes, length, &message);
	}
	return take_message(conversation, &message);
}

int conversation_receive(struct conversation *conversation, const char *bytes, size_t length)
{
	struct lws *wsi = conversation->outgoing.wsi;
	bool last, binary;
	int result;

	if (!wsi || conversation->closing) {
		return 0;
	}
	binary = lws_frame_is_binary(wsi);
	if (binary && !conversation->service->takes_binary) {
		return break_off(conversation, "a binary message; the service takes text only");
	}
	last = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);
	if (last && !conversation->assembled.length) {
		return read_message(conversation, bytes, length, binary);
	}
	if (conversation->assembled.length + length > MESSAGE_MAX) {
		return break_off(conversation, "a message of more than 16 MiB");
	}
	if (aic_buffer_append(&conversation->assembled, bytes, length)) {
		return -1;
	}
	if (!last) {
		return 0;
	}
	result = read_message(conversation, (const char *) conversation->assembled.bytes, conversation->assembled.length,
		binary);
	conversation->assembled.length = 0;
	return result;
}

int conversation_writable(struct conversation *conversation)
{
	if (conversation->closing) {
		return 0;
	}
	if (outgoing_resume(&conversation->outgoing)) {
		return -1;
	}
	speaker_resume(&conversation->speaker);
	return 0;
}

void conversation_peer_closes(struct conversation *conversation, const uint8_t *payload, size_t length)
{
	if (!conversation->close_code) {
		conversation->close_code = length >= 2 ? payload[0] << 8 | payload[1] : CLOSE_NO_CODE;
	}
	if (conversation->opened && conversation->service->farewell && !conversation->ended && !conversation->closing) {
		char problem[80];

		snprintf(problem, sizeof(problem), "it closed without %s", conversation->service->farewell);
		violation(conversation, problem);
	}
	/* Whatever else there was to say would come behind our close. */
	outgoing_free(&conversation->outgoing);
	be_quiet(conversation);
}

void conversation_free(struct conversation *conversation)
{
	be_quiet(conversation);
	timer_stop(&conversation->opening_limit);
	facts_closed(conversation->service->name, conversation->agent.name, &conversation->counts,
		conversation->close_code ? conversation->close_code : CLOSE_NO_FRAME);
	outgoing_free(&conversation->outgoing);
	aic_buffer_free(&conversation->assembled);
	free(conversation);
}
