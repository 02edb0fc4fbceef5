/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation.h"

#include "agent.h"
#include "buffer.h"
#include "client_message.h"
#include "facts.h"
#include "outgoing.h"
#include "pings.h"
#include "service_message.h"
#include "speaker.h"
#include "timers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest message the service takes. */
#define MESSAGE_MAX (16u * 1024 * 1024)

#define INITIATION_LIMIT_US UINT64_C(10000000)

/* The event id of everything an echo says: it is one run of audio. */
#define ECHO_EVENT_ID 1

#define CLOSE_NO_CODE 1005
#define CLOSE_NO_FRAME 1006
#define CLOSE_POLICY_VIOLATION 1008
/* With the terminator. */
#define CLOSE_REASON_SIZE 124

#define CLOSE_REFUSED 3000 /* with which the service ends a conversation it never began */

struct conversation {
	struct outgoing outgoing;
	struct agent agent;
	struct conversation_counts counts;
	struct pings pings;
	struct speaker speaker;
	struct timer initiation_limit;
	struct aic_buffer assembled; /* a message in fragments */
	uint64_t number;
	const char *refusal; /* why it never begins; NULL: it does */
	bool initiated;
	bool closing; /* of our own will; `close_code` says why */
	int close_code; /* 0: none yet */
};

static uint64_t conversations;

/*
 * Closes with a close frame; what was not sent yet is dropped. Only for what the receive callback returns: a debug build of libwebsockets on libuv
 * (Debian's) closes twice what any other callback closes, and the second time without its close frame. Returns -1.
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
	pings_stop(&conversation->pings);
	speaker_stop(&conversation->speaker);
	timer_stop(&conversation->initiation_limit);
	return -1;
}

static int break_off(struct conversation *conversation, const char *problem)
{
	facts_violation("%s: %s", conversation->agent.name, problem);
	return close_connection(conversation, CLOSE_POLICY_VIOLATION, problem);
}

static void on_initiation_limit(void *arg)
{
	struct conversation *conversation = arg;

	facts_violation("%s: no conversation_initiation_client_data within 10 s", conversation->agent.name);
	outgoing_abandon(&conversation->outgoing);
}

struct conversation *conversation_new(struct lws *wsi, const char *agent_name)
{
	struct conversation *conversation = calloc(1, sizeof(*conversation));

	if (!conversation) {
		return NULL;
	}
	conversation->outgoing.wsi = wsi;
	conversation->outgoing.kind = LWS_WRITE_TEXT;
	conversation->number = ++conversations;
	conversation->initiation_limit.run = on_initiation_limit;
	conversation->initiation_limit.arg = conversation;
	if ((conversation->refusal = agent_of_name(&conversation->agent, agent_name))) {
		facts_violation("%s: %s", conversation->agent.name, conversation->refusal);
	}
	timer_start(&conversation->initiation_limit, now_us() + INITIATION_LIMIT_US);
	return conversation;
}

static int begin(struct conversation *conversation)
{
	struct service_message message = service_message_metadata(conversation->number, conversation->agent.format);

	timer_stop(&conversation->initiation_limit);
	conversation->initiated = true;
	if (outgoing_send(&conversation->outgoing, message.bytes, message.length)) {
		return -1;
	}
	pings_start(&conversation->pings, &conversation->outgoing, &conversation->counts, conversation->agent.name);
	speaker_start(&conversation->speaker, &conversation->agent, &conversation->outgoing, &conversation->counts, conversation->number);
	return 0;
}

static int take_audio(struct conversation *conversation, const struct client_message *message)
{
	struct service_message echo;

	if (message->audio_bytes % conversation->agent.sample_bytes) {
		return break_off(conversation, "user_audio_chunk: no whole number of 16-bit samples");
	}
	conversation->counts.chunks_in++;
	conversation->counts.bytes_in += message->audio_bytes;
	if (conversation->agent.kind != AGENT_ECHO) {
		return 0;
	}
	conversation->counts.chunks_out++;
	conversation->counts.bytes_out += message->audio_bytes;
	echo = service_message_audio_text(message->audio, message->audio_length, ECHO_EVENT_ID);
	return outgoing_send(&conversation->outgoing, echo.bytes, echo.length);
}

static int take_message(struct conversation *conversation, const char *text, size_t length)
{
	struct client_message message;

	totals.messages_in++;
	totals.bytes_in += length;
	if (conversation->refusal) {
		return close_connection(conversation, CLOSE_REFUSED, conversation->refusal);
	}
	client_message_read(&message, text, length);
	if (message.kind == CLIENT_BAD) {
		return break_off(conversation, message.problem);
	}
	if (!conversation->initiated) {
		return message.kind == CLIENT_INITIATION ? begin(conversation)
			: break_off(conversation, "the first message must be conversation_initiation_client_data");
	}
	switch (message.kind) {
	case CLIENT_AUDIO:
		return take_audio(conversation, &message);
	case CLIENT_PONG:
		pings_answered(&conversation->pings, message.event_id);
		return 0;
	case CLIENT_INITIATION:
		return break_off(conversation, "a second conversation_initiation_client_data");
	case CLIENT_OTHER:
	case CLIENT_BAD:
		break;
	}
	return 0;
}

int conversation_receive(struct conversation *conversation, const char *bytes, size_t length)
{
	struct lws *wsi = conversation->outgoing.wsi;
	bool last;
	int result;

	if (!wsi || conversation->closing) {
		return 0;
	}
	if (lws_frame_is_binary(wsi)) {
		return break_off(conversation, "a binary message; the service takes text only");
	}
	last = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);
	if (last && !conversation->assembled.length) {
		return take_message(conversation, bytes, length);
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
	result = take_message(conversation, (const char *) conversation->assembled.bytes, conversation->assembled.length);
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
	/* Whatever else there was to say would come behind our close. */
	outgoing_free(&conversation->outgoing);
	pings_stop(&conversation->pings);
	speaker_stop(&conversation->speaker);
}

void conversation_free(struct conversation *conversation)
{
	pings_stop(&conversation->pings);
	speaker_stop(&conversation->speaker);
	timer_stop(&conversation->initiation_limit);
	facts_closed(conversation->agent.name, &conversation->counts, conversation->close_code ? conversation->close_code : CLOSE_NO_FRAME);
	outgoing_free(&conversation->outgoing);
	aic_buffer_free(&conversation->assembled);
	free(conversation);
}
