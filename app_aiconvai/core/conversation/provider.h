/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What an AI service is to the engine: one struct of functions, filled in one file of providers/. A provider knows its
 * service's messages and nothing else: no socket, no thread, no clock, no other provider. What it has to remember from
 * one message to the next lies in a state that belongs to the conversation (aic_port_state()).
 */
#ifndef AIC_PROVIDER_H
#define AIC_PROVIDER_H

#include "audio_format.h"
#include "buffer.h"
#include "json_reader.h"
#include "options.h"
#include "playout_queue.h"
#include "variable.h"
#include "outcome.h"
#include "request.h"

struct aic_conversation;

struct aic_close_code;

/* What a tool call came to. */
struct aic_tool_result {
	const char *id, *name; /* of the call, as the service gave them */
	const char *text;
	bool is_error;
	bool silent; /* the agent need not say anything about it; where a service has no way to tell that it may */
};

struct aic_provider {
	const char *name; /* as in the option `provider` */

	/* In a pause of the caller's audio the service is sent silence, so long at the most. 0: without end. */
	uint32_t silence_ms_max;

	/* Called where no audio was sent for so long. NULL: the service does not want it. */
	void (*keep_alive)(struct aic_conversation *conversation);
	uint32_t keep_alive_ms;

	/* The service's messages, as json_reader.h reads them. */
	const struct aic_json_field *fields;
	size_t field_count;
	size_t record_size;
	bool binary_is_json; /* they may also come in binary messages */

	/* It hears and speaks at once, and decides by itself when to be silent: nobody else does. */
	bool full_duplex;

	/* Of its state; zeros when a connection opens. 0: none. */
	size_t state_size;

	/* Fills in the first request of an attempt. Returns 0, or -1 when memory is short. */
	int (*open)(const struct aic_settings *settings, struct aic_request *request);

	/*
	 * Reads the body of a successful HTTP GET and fills in the request that follows. Returns 0, or -1 with one sentence
	 * in `error` (of AIC_REASON_MAX bytes). NULL where open() never asks for one.
	 */
	int (*http_reply)(const struct aic_settings *settings, const char *body, size_t length, struct aic_request *request,
		char *error);

	/* The WebSocket is open: sends what begins the conversation, if that is ours to do. */
	void (*begin)(struct aic_conversation *conversation);

	/* A whole text message was read into `record`. */
	void (*message)(struct aic_conversation *conversation, const void *record);

	/*
	 * Whole samples of a binary message, in the announced downlink format. NULL where audio does not come so: binary
	 * messages are then counted and ignored.
	 */
	void (*audio)(struct aic_conversation *conversation, const uint8_t *bytes, size_t length);

	/*
	 * Writes the text message that carries a chunk of caller audio, in the format given to aic_port_ready(), behind
	 * what `out` holds. Returns 0, or -1 when memory is short. NULL: the audio itself is sent, as a binary message.
	 */
	int (*encode_audio)(struct aic_conversation *conversation, const uint8_t *audio, size_t length,
		struct aic_buffer *out);

	/*
	 * Where turns are decided on this side (option turns): the caller speaks, and all audio from now on is what he
	 * says, a moment before included; he has finished, and nothing more comes until he speaks again. A session that
	 * begins while he speaks is told so, too. NULL: the service always decides.
	 */
	void (*caller_began)(struct aic_conversation *conversation);
	void (*caller_finished)(struct aic_conversation *conversation);

	/* The caller pressed a key. NULL: the protocol has no message for it, and the agent is told of numbers in words. */
	void (*dtmf)(struct aic_conversation *conversation, char digit);

	/* The audio before a mark (aic_port_mark()) was heard, or dropped. NULL where there are no marks. */
	void (*mark_played)(struct aic_conversation *conversation, const char *name);

	/*
	 * The caller has interrupted the agent: `removed` will not be heard, its ids as the provider gave them, its samples
	 * counted in the line format. Called from aic_port_interrupted(), or later, or not at all where it turns out that
	 * there was no interruption. NULL: there is nothing to do.
	 */
	void (*interrupted)(struct aic_conversation *conversation, const struct aic_interruption *removed);

	/* This side ends an active conversation: sends what is to be said before the WebSocket is closed. NULL: nothing. */
	void (*finish)(struct aic_conversation *conversation);

	/*
	 * The session is over, or another one takes over: tells what was said and was kept to be told as a whole. NULL:
	 * nothing is kept.
	 */
	void (*tell_rest)(struct aic_conversation *conversation);

	/*
	 * Something the agent should know; something the caller "says" in text. NULL where the protocol has nothing for it.
	 */
	void (*context)(struct aic_conversation *conversation, const char *text);
	void (*user_message)(struct aic_conversation *conversation, const char *text);

	/*
	 * The agent is told `text` besides from now on: aic_port_prompt() has the whole. NULL where the service has no
	 * message for instructions: it is told with context().
	 */
	void (*instruct)(struct aic_conversation *conversation, const char *text);

	/* NULL where the service calls none. */
	void (*tool_result)(struct aic_conversation *conversation, const struct aic_tool_result *result);

	/* What close codes mean where it is not what they mean to everybody (close_codes.h). */
	const struct aic_close_code *closes;
	size_t close_count;
};

#endif
