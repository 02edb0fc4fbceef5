/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a provider may tell the conversation it works for. To be called from the provider's functions only.
 */
#ifndef AIC_PROVIDER_PORT_H
#define AIC_PROVIDER_PORT_H

#include "conversation.h"
#include "history.h"
#include "json_reader.h"
#include "json_writer.h"

/* Whether the service has announced the conversation. */
bool aic_port_is_active(const struct aic_conversation *conversation);

/* The provider's state of this connection (state_size bytes). */
void *aic_port_state(struct aic_conversation *conversation);

/* The agent's, and what is told to it about this call. */
const struct aic_settings *aic_port_settings(const struct aic_conversation *conversation);
const struct aic_variable *aic_port_variables(const struct aic_conversation *conversation, size_t *count);

/*
 * What the agent is told to be, and what it begins with, about this very call; NULL: nothing of the kind is configured.
 * A session that takes over from another begins with the option reconnect_message, a conversation that goes on from one
 * of before in the same call with resume_message.
 */
const char *aic_port_prompt(const struct aic_conversation *conversation);
const char *aic_port_first_message(const struct aic_conversation *conversation);

/* The same as an order to an agent that can only be told what to say; NULL: there is none. */
const char *aic_port_first_message_order(const struct aic_conversation *conversation);

/*
 * A text that is handed to the next connection if this one breaks or its session ends, such as a handle to take the
 * session up again; what it was. A provider that takes it up says so, and is not told what was said.
 */
void aic_port_keep(struct aic_conversation *conversation, const char *text);
const char *aic_port_kept(const struct aic_conversation *conversation);
void aic_port_resumes(struct aic_conversation *conversation);

/*
 * The service ends this session in so many milliseconds, or has done so: another one takes over, and a close that comes
 * sooner is no end.
 */
void aic_port_expires(struct aic_conversation *conversation, uint64_t in_ms);

/*
 * The same of a time of day, in seconds since 1970, that is far off: another one takes over before. To be told after
 * aic_port_ready().
 */
void aic_port_expires_at(struct aic_conversation *conversation, int64_t unix_seconds);

/* Tokens that the service has counted since it said so last. What is below 0 or beyond all reason is none. */
void aic_port_used_tokens(struct aic_conversation *conversation, int64_t input, int64_t output);

/* Whether this session goes on from another one in which something was said. */
bool aic_port_goes_on(const struct aic_conversation *conversation);

/*
 * What was said, line by line (aic_history_next()), for a service that is told so with what begins its session: it is
 * not told once more when the session has begun.
 */
bool aic_port_next_said(struct aic_conversation *conversation, struct aic_said *said);

/* The tools that the agent may call. */
const struct aic_tools *aic_port_tools(const struct aic_conversation *conversation);

/*
 * Writes them as an array of objects with name, description and, under the name given, the JSON Schema of their
 * parameters, as most services have them; `type` (NULL: none) is a member before those.
 */
void aic_port_put_tools(struct aic_conversation *conversation, struct aic_json_writer *writer, const char *key,
	const char *type, const char *parameters);

/* What the channel speaks: a provider that has the choice takes the same. */
struct aic_audio_format aic_port_line_format(const struct aic_conversation *conversation);

/*
 * Begins a message to the service: write it, then send it with aic_port_send() before another one is begun. The writer
 * belongs to the conversation.
 */
struct aic_json_writer *aic_port_new_message(struct aic_conversation *conversation);

/*
 * The same for a message that is an object which says in its member "type" what it is; aic_port_finish() closes and
 * sends it.
 */
struct aic_json_writer *aic_port_begin(struct aic_conversation *conversation, const char *type);
void aic_port_finish(struct aic_conversation *conversation, struct aic_json_writer *writer);

/* Writes what is told to the agent about this call, as an object. */
void aic_port_put_variables(const struct aic_conversation *conversation, struct aic_json_writer *writer,
	const char *key);

/* Sends the message begun last. Memory that ran short while writing is counted as an error. */
void aic_port_send(struct aic_conversation *conversation);

/* The service announced the conversation: what it takes and what it gives. */
void aic_port_ready(struct aic_conversation *conversation, const char *conversation_id, struct aic_audio_format uplink,
	struct aic_audio_format downlink);

/* Whether the audio of a message could be read; if not, or if there is none, that is told as the service's error. */
bool aic_port_is_audio(struct aic_conversation *conversation, const struct aic_json_bytes *audio);

/* Agent audio in the announced downlink format. */
void aic_port_audio(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes, size_t length);

/*
 * The service has sent all audio of an utterance: nothing of it is waited for. Where a service does not say so, that is
 * seen by the audio itself.
 */
void aic_port_audio_done(struct aic_conversation *conversation);

/*
 * The caller is heard, or barged in: everything up to and including `event_id` is void, here and now or once it is
 * decided. A provider that has more to do about an interruption does so in its interrupted().
 */
void aic_port_interrupted(struct aic_conversation *conversation, int64_t event_id);

/* Whether the caller may do so now. Where not, aic_port_interrupted() changes nothing. */
bool aic_port_may_interrupt(const struct aic_conversation *conversation);

/* How much of that event id the caller has heard so far. */
uint64_t aic_port_heard_ms(struct aic_conversation *conversation, int64_t event_id);

/* Whether agent audio is queued: the caller is hearing it. */
bool aic_port_is_speaking(struct aic_conversation *conversation);

/* Tool calls that nobody has answered yet, the one being answered included. */
size_t aic_port_open_tool_calls(const struct aic_conversation *conversation);

/*
 * The service wants to know when the audio it has sent so far was heard: mark_played() says so. A name that is long is
 * cut.
 */
void aic_port_mark(struct aic_conversation *conversation, const char *name);

/*
 * Something was said whose words will come later, maybe later than those of what is said next: returns the number of
 * its turn.
 */
uint64_t aic_port_turn(struct aic_conversation *conversation);

/* What was said in that turn; 0: in the next one or, of a correction, in the agent's latest. */
void aic_port_transcript_of(struct aic_conversation *conversation, uint64_t turn, enum aic_role role,
	enum aic_transcript_kind kind, const char *text, int64_t event_id);

/* The same of services whose words come in the order in which they are said. */
void aic_port_transcript(struct aic_conversation *conversation, enum aic_role role, enum aic_transcript_kind kind,
	const char *text, int64_t event_id);
/* Words of the caller came that will be told later, as a whole; these are what there is of them so far. */
void aic_port_caller_speaks(struct aic_conversation *conversation, const char *words);
void aic_port_vad(struct aic_conversation *conversation, double score);

/*
 * What was said so far, as an object with one member of that name: for a tool call that says no more. To be freed;
 * NULL: nothing, or memory is short.
 */
char *aic_port_said_as_json(struct aic_conversation *conversation, const char *key);

/* The agent calls a tool of ours; the engine answers for whoever does not. `parameters` is JSON. */
void aic_port_tool_call(struct aic_conversation *conversation, const char *id, const char *name,
	const char *parameters);

/* The service no longer wants the answer: who gives it is told that no such call is open. */
void aic_port_tool_cancelled(struct aic_conversation *conversation, const char *id);

/* The service asked whether we are there; `ping_ms` is the round trip it measured, -1 if it did not say. */
void aic_port_ping(struct aic_conversation *conversation, int64_t ping_ms);

/* The service said that something went wrong; if the connection is closed next, this is why. */
void aic_port_error(struct aic_conversation *conversation, const char *message);

/* Something that does not explain a close, but that somebody should know. */
void aic_port_warn(struct aic_conversation *conversation, const char *message);

/* The agent decided to end: a close that follows is a good end whatever its code; if none follows soon, we close. */
void aic_port_agent_ends(struct aic_conversation *conversation);

/*
 * The service hears no more in this session: caller audio is kept, as before the first one, for the next if there is
 * one.
 */
void aic_port_deaf(struct aic_conversation *conversation);

/* What came cannot be worked with: ends the attempt (or the conversation) with that reason. */
void aic_port_fail(struct aic_conversation *conversation, const char *reason);

/* What is done about a message of some type. NULL: it is known, and means nothing on the telephone. */
struct aic_handler {
	const char *type;
	void (*handle)(struct aic_conversation *conversation, const void *record);
};

/*
 * Has a message handled as the table says; one of another type, or of none (NULL), is unknown. The table's first rows
 * are looked at first.
 */
void aic_port_dispatch(struct aic_conversation *conversation, const struct aic_handler *handlers, size_t count,
	const char *type, const void *record);

/* A message of a type that nobody knows. */
void aic_port_unknown(struct aic_conversation *conversation, const char *type);

#endif
