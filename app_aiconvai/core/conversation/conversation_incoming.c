/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include "provider_port.h"

#include <stdio.h>
#include <string.h>

void aic_incoming_begin(struct aic_incoming *incoming)
{
	aic_json_reader_finish(incoming->reader);
	incoming->failed = false;
	incoming->split_bytes = incoming->bytes = 0;
}

/*
 * Counts what came of a message. Returns whether it is longer than the agent's option max_message_kb: then that was the
 * end.
 */
static bool is_too_long(struct aic_conversation *conversation, size_t length, bool complete)
{
	int most_kb = (int) conversation->settings->max_message_kb;
	char text[AIC_REASON_MAX];

	conversation->incoming.bytes += length;
	if (conversation->incoming.bytes <= (size_t) most_kb * 1024) {
		conversation->incoming.bytes = complete ? 0 : conversation->incoming.bytes;
		return false;
	}
	snprintf(text, sizeof(text), "the service sent a message longer than max_message_kb (%d KiB)", most_kb);
	aic_port_fail(conversation, text);
	return true;
}

/* A piece of a message came. Returns whether it is looked at. */
static bool is_taken(struct aic_conversation *conversation, size_t length, bool complete, uint64_t now_us)
{
	conversation->now_us = now_us;
	if (conversation->phase != AIC_PHASE_STARTING && conversation->phase != AIC_PHASE_ACTIVE) {
		return false;
	}
	aic_service_watch_heard(&conversation->watchdog.service, now_us);
	return !is_too_long(conversation, length, complete);
}

void aic_conversation_message(struct aic_conversation *conversation, const char *bytes, size_t length, bool complete,
	uint64_t now_us)
{
	if (!is_taken(conversation, length, complete, now_us)) {
		return;
	}
	if (!conversation->incoming.failed && aic_json_reader_feed(conversation->incoming.reader, bytes, length)) {
		conversation->incoming.failed = true;
	}
	if (!complete) {
		return;
	}
	conversation->stats.messages_received++;
	if (aic_json_reader_finish(conversation->incoming.reader) || conversation->incoming.failed) {
		char text[AIC_REASON_MAX];

		conversation->incoming.failed = false;
		conversation->stats.malformed_messages++;
		snprintf(text, sizeof(text), "the service sent a message that was ignored: %s",
			aic_json_reader_error(conversation->incoming.reader));
		aic_conversation_tell_error(conversation, text);
	} else {
		conversation->provider->message(conversation, conversation->incoming.record);
	}
	aic_json_reader_trim(conversation->incoming.reader);
}

/* Hands on whole samples: a message comes in pieces of any length. */
static void receive_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length, bool complete)
{
	size_t sample = aic_sample_bytes(conversation->stats.downlink_format);
	size_t missing = conversation->incoming.split_bytes ? sample - conversation->incoming.split_bytes : 0;
	size_t rest;

	if (missing && length >= missing) {
		memcpy(conversation->incoming.split_sample + conversation->incoming.split_bytes, bytes, missing);
		conversation->incoming.split_bytes = 0;
		conversation->provider->audio(conversation, conversation->incoming.split_sample, sample);
		bytes += missing;
		length -= missing;
	}
	rest = conversation->incoming.split_bytes ? length : length % sample;
	if (length > rest) {
		conversation->provider->audio(conversation, bytes, length - rest);
	}
	memcpy(conversation->incoming.split_sample + conversation->incoming.split_bytes, bytes + length - rest, rest);
	/* Half a sample at the end of a message is no beginning of the next one's first. */
	conversation->incoming.split_bytes = complete ? 0 : conversation->incoming.split_bytes + rest;
}

void aic_conversation_binary_message(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	bool complete, uint64_t now_us)
{
	if (conversation->provider->binary_is_json) {
		aic_conversation_message(conversation, (const char *) bytes, length, complete, now_us);
		return;
	}
	if (!is_taken(conversation, length, complete, now_us)) {
		return;
	}
	conversation->stats.messages_received += complete;
	if (!conversation->provider->audio) {
		conversation->stats.malformed_messages += complete;
	} else if (conversation->phase == AIC_PHASE_ACTIVE) {
		receive_audio(conversation, bytes, length, complete);
	} else if (complete) {
		aic_conversation_tell_error(conversation, "the service sent audio before it announced the conversation; it "
			"was ignored");
	}
}
