/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What an AI service is to the engine: one struct of functions, filled in one file of providers/. A provider knows its
 * service's messages and nothing else: no socket, no thread, no clock, no other provider. It keeps no state of its own
 * beyond the record its messages are read into.
 */
#ifndef AIC_PROVIDER_H
#define AIC_PROVIDER_H

#include "audio_format.h"
#include "buffer.h"
#include "json_reader.h"
#include "options.h"
#include "outcome.h"
#include "request.h"

struct aic_conversation;

/* A name and a value told to the agent at the start. */
struct aic_variable {
	const char *name;
	const char *value;
};

/* What the closing of the WebSocket by the service means. */
struct aic_close_meaning {
	enum aic_status status; /* once the conversation was active; before that it is UNAVAILABLE */
	bool retry;             /* before it was active: another attempt may succeed */
	char sentence[AIC_REASON_MAX];
};

struct aic_provider {
	const char *name; /* as in the option `provider` */

	/* Whether the service takes a pause in the caller's audio amiss: it then is sent silence. */
	bool wants_continuous_audio;

	/* The service's messages, as json_reader.h reads them. */
	const struct aic_json_field *fields;
	size_t field_count;
	size_t record_size;

	/* Fills in the first request of an attempt. Returns 0, or -1 when memory is short. */
	int (*open)(const struct aic_settings *settings, struct aic_request *request);

	/*
	 * Reads the body of a successful HTTP GET and fills in the request that follows. Returns 0, or -1 with one sentence
	 * in `error` (of AIC_REASON_MAX bytes). Never called where open() asks for a WebSocket.
	 */
	int (*http_reply)(const struct aic_settings *settings, const char *body, size_t length, struct aic_request *request, char *error);

	/* The WebSocket is open: sends what begins the conversation. */
	void (*begin)(struct aic_conversation *conversation, const struct aic_settings *settings, const struct aic_variable *variables, size_t variable_count);

	/* A whole text message was read into `record`. */
	void (*message)(struct aic_conversation *conversation, const void *record);

	/*
	 * Writes the message that carries a chunk of caller audio, in the format given to aic_conversation_ready(), behind what
	 * `out` holds. Returns 0, or -1 when memory is short.
	 */
	int (*encode_audio)(const uint8_t *audio, size_t length, struct aic_buffer *out);

	/* The caller pressed a key. */
	void (*dtmf)(struct aic_conversation *conversation, char digit);

	/* Something the agent should know; something the caller "says" in text. */
	void (*context)(struct aic_conversation *conversation, const char *text);
	void (*user_message)(struct aic_conversation *conversation, const char *text);

	/* The result of a tool call, as text. */
	void (*tool_result)(struct aic_conversation *conversation, const char *id, const char *name, const char *result, bool is_error);

	/* What a close code (0: the connection just broke) and the service's reason (may be empty) mean. */
	void (*close_meaning)(uint16_t code, const char *reason, struct aic_close_meaning *meaning);
};

#endif
