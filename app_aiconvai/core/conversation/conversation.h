/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A conversation with an AI service, as a state machine without I/O.
 *
 * In go caller audio, keypresses, what the socket brought and the time; out come requests to open, messages to send
 * (both pulled with aic_conversation_next_action()), agent audio (in the playout queue) and events (the callback).
 *
 *     WAITING --> FETCHING --> CONNECTING --> STARTING --> ACTIVE --> ENDED
 *        ^           |             |             |
 *        +-----------+-------------+-------------+   a failed attempt, while attempts are left
 *
 * Threads: none; all calls on one conversation must come from one thread at a time. Time is given in microseconds of
 * any clock that only goes forward. The callback is called from inside the calls and must not call back in.
 */
#ifndef AIC_CONVERSATION_H
#define AIC_CONVERSATION_H

#include "audio_format.h"
#include "conversation_trouble.h"
#include "echo_guard.h"
#include "energy.h"
#include "events.h"
#include "options.h"
#include "outcome.h"
#include "playout_queue.h"
#include "provider.h"
#include "tools.h"

/* An agent, as the engine sees it. What it points to must outlive the conversation. */
struct aic_agent_choice {
	const struct aic_provider *provider;
	const struct aic_settings *settings;
	const struct aic_tools *tools; /* NULL: none */
	const struct aic_prompt_settings *prompts; /* NULL: none */
};

struct aic_conversation_setup {
	struct aic_agent_choice agent;
	const struct aic_agent_choice *others; /* tried one after the other where it cannot be started; copied */
	size_t other_count;
	struct aic_audio_format line_format; /* of the channel, both ways */
	const struct aic_variable *variables; /* copied; they win over the option dynamic_variable */
	size_t variable_count;
	/* the host runs the tools that are its to run (tools.h); otherwise the agent is told that they cannot be run */
	bool runs_tools;
	/* what was said before in this call (aic_conversation_said()), which goes on; copied. NULL: it begins here */
	const char *said;
	/*
	 * the time of day as the conversation begins, since 1970; 0: not known, and what a service says of times of day is
	 * not understood
	 */
	uint64_t unix_us;
	/* of the thread that the conversation lives on; must outlive it. NULL: the agent may hear itself */
	struct aic_fft *fft;
	struct aic_playout_queue *playout; /* must outlive the conversation; in line_format */
	void (*on_event)(void *user, const struct aic_event *event);

	/*
	 * Whether the agent `others[other]` may take the call; from then on it has it. Where it may not, a sentence in
	 * `reason` (of AIC_REASON_MAX bytes) says why, and the next one is asked for. Called from inside the calls; must
	 * not wait or call back in. NULL: each may.
	 */
	bool (*may_take)(void *user, size_t other, char *reason);

	/*
	 * The agent of that name is to be handed the conversation: fills in `choice`, which is valid as long as the
	 * conversation. Where it cannot, a sentence for the present agent in `reason` (of AIC_REASON_MAX bytes) says why.
	 * Called from inside the calls; must not wait or call back in. NULL: there are none.
	 */
	bool (*choose_agent)(void *user, const char *name, struct aic_agent_choice *choice, char *reason);
	void *user;
};

enum aic_phase {
	AIC_PHASE_WAITING,    /* for the time of the first or next attempt */
	AIC_PHASE_FETCHING,   /* the HTTP GET is under way */
	AIC_PHASE_CONNECTING, /* the WebSocket is being opened */
	AIC_PHASE_STARTING,   /* it is open; the service has not announced the conversation yet */
	AIC_PHASE_ACTIVE,
	AIC_PHASE_ENDED,
};

enum aic_action_type {
	AIC_ACTION_NONE,
	AIC_ACTION_OPEN,  /* start `request` */
	AIC_ACTION_SEND,  /* send one message */
	AIC_ACTION_CLOSE, /* close the WebSocket with `close_code` */
	AIC_ACTION_PING,  /* send a WebSocket ping */
	AIC_ACTION_ABORT, /* drop whatever is open or being opened; nothing more is reported about it */
};

struct aic_action {
	enum aic_action_type type;
	const struct aic_request *request; /* valid until the next input */
	/* AIC_SEND_HEADROOM writable bytes lie in front of it; valid until the next action is asked for */
	uint8_t *message;
	size_t message_length;
	bool binary; /* and not text */
	uint16_t close_code;
	const char *close_reason;
};

/*
 * How long it took to open a connection and to have its request answered, in microseconds. Each part ends where the
 * next one begins, so that what the host takes between them is in them. Of several addresses that are tried in turn,
 * only the one that answered counts.
 */
struct aic_open_times {
	uint64_t dns_us;   /* 0: the address was known */
	uint64_t tcp_us;
	uint64_t tls_us;   /* 0: no TLS */
	uint64_t reply_us; /* from the request to the end of its reply; of a WebSocket: until it is open */
	bool tls_resumed;  /* with the session of an earlier connection */
};

/* How a request failed, as the host saw it. */
struct aic_request_failure {
	bool retry;       /* another attempt may succeed */
	int http_status;  /* 0: there was no answer */
	const char *text; /* one sentence; no secrets */
	struct aic_open_times times; /* of the parts that were done */
};

/* Of the attempt that succeeded, the one under way, or the last one that failed. */
struct aic_setup_times {
	struct aic_open_times http; /* the HTTP GET before the WebSocket; all 0 where there is none */
	struct aic_open_times websocket;
	uint64_t metadata_us; /* from the open WebSocket to the service's announcement */
};

struct aic_conversation_stats {
	enum aic_phase phase;
	unsigned int attempts; /* of the first connection, or the one that is being opened again */
	char conversation_id[128];
	struct aic_audio_format line_format, uplink_format, downlink_format;
	uint64_t connected_us; /* from the beginning to the open WebSocket, 0: not yet */
	uint64_t ready_us;     /* to the service's announcement */
	uint64_t first_audio_us; /* to the first agent audio queued */
	struct aic_setup_times setup;
	uint64_t uplink_silence_ms; /* sent in the caller's place */
	uint64_t uplink_bytes, uplink_bytes_dropped, uplink_bytes_sent, uplink_chunks_sent;
	size_t uplink_bytes_waiting;
	double uplink_dbfs, downlink_dbfs, noise_dbfs; /* the last one: of the caller's line */
	uint64_t downlink_chunks, downlink_bytes; /* as the service sent them */
	uint64_t messages_received, messages_sent, unknown_messages, malformed_messages;
	/* of the service: too long or not as they should be, and so cut or answered with an error */
	uint64_t texts_refused;
	char last_unknown[48]; /* type of the last unknown message */
	uint64_t interruptions, interruptions_ignored, transcripts, tool_calls, tool_timeouts;
	size_t open_tool_calls;
	uint64_t vad_scores;
	double last_vad_score;
	uint64_t pings;
	int64_t last_ping_ms; /* as the service measured it, -1: unknown */
	uint64_t dtmf_digits;
	uint64_t errors;
	uint64_t reopenings; /* times another connection took over */
	uint64_t input_tokens, output_tokens; /* that the service says it has counted; 0: it does not say */
	/* times the agent was heard after the caller, how long that took in all and at the longest; times it was not */
	uint64_t answers, answer_ms, slowest_answer_ms, answers_missed;
	/* times the agent was paused because the caller made a sound, and those of them in which it went on */
	uint64_t pauses, pauses_withdrawn;
	struct aic_echo_report echo; /* of the agent's voice, as it comes back */
	bool hears_caller; /* the agent does (option activation) */
	uint64_t holds, held_ms; /* times the caller could not be heard, and for how long: those that are over */
	char state[64]; /* of the agent's prompts; empty: none */
	char trouble[AIC_TROUBLE_TEXT_MAX]; /* why the call is silent or goes badly, as a sentence; empty: it does not */
};

static inline uint64_t aic_answer_mean_ms(const struct aic_conversation_stats *stats)
{
	return stats->answers ? stats->answer_ms / stats->answers : 0;
}

struct aic_conversation;

/* Begins at `now_us` (the first action is due at once). Returns NULL when memory is short. */
struct aic_conversation *aic_conversation_new(const struct aic_conversation_setup *setup, uint64_t now_us);
void aic_conversation_free(struct aic_conversation *conversation);

/* --- inputs: the call --- */

/*
 * Caller audio in the line format, whole samples. Where none comes for a while (hold, mute, silence suppression) a
 * provider that wants audio without a break is sent silence.
 */
void aic_conversation_caller_audio(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	uint64_t now_us);

/*
 * Whole samples of the agent's that the caller is given to hear from `now_us` on, in the line format. May be called
 * from inside the callback, too: a host that is told of audio may play it at once.
 */
void aic_conversation_agent_heard(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	uint64_t now_us);

/*
 * The caller is on hold, or has put the agent on hold; or that is over. Caller audio counts for nothing meanwhile. Said
 * again, it changes nothing.
 */
void aic_conversation_hold(struct aic_conversation *conversation, bool is_on, uint64_t now_us);

/* The caller pressed 0-9, *, #, A-D. The agent is told as the options dtmf* say, once the conversation is active. */
void aic_conversation_dtmf(struct aic_conversation *conversation, char digit, uint64_t now_us);

/*
 * What the lookup has found out about the caller (option lookup): variables, which win over those that there are. The
 * first connection is opened then. Returns 0, or -1 when nobody waits for it, or not any more, or memory is short (and
 * the conversation over).
 */
int aic_conversation_found(struct aic_conversation *conversation, const struct aic_variable *variables, size_t count,
	uint64_t now_us);

/* Return 0, or -1 when the conversation is not active or its service has no message for it. */
int aic_conversation_context(struct aic_conversation *conversation, const char *text);
int aic_conversation_user_message(struct aic_conversation *conversation, const char *text);

/*
 * Answers an open tool call; silent: the agent need not say anything about it, where its service has a way to tell it
 * so. Returns 0, or -1 when no call of that id is open.
 */
int aic_conversation_tool_result(struct aic_conversation *conversation, const char *id, const char *result,
	bool is_error, bool silent);

/*
 * The host sends the call where an open call of transfer_call asks for. The conversation ends once the agent has said
 * all that it had to say, or at once, and AIC_EVENT_ENDED has where to. Returns 0, or -1 when no such call is open.
 */
int aic_conversation_transfer(struct aic_conversation *conversation, const char *id, bool at_once);

/*
 * Who was rung for an open call of transfer_call speaks with the caller; the agent stays, and listens: what the host
 * hands over as caller audio has both. What it says is not heard, and it runs no tools but those of AMI. Returns 0, or
 * -1 when no such call is open.
 */
int aic_conversation_listen(struct aic_conversation *conversation, const char *id, uint64_t now_us);

/* They have spoken, and the caller is with the agent again. Nothing happens when it did not listen. */
void aic_conversation_stop_listening(struct aic_conversation *conversation, uint64_t now_us);

/* Whether the agent still waits for that tool call. */
bool aic_conversation_waits_for_tool(const struct aic_conversation *conversation, const char *id);

/*
 * The conversation enters a state of the agent's prompts, which the agent is told of at once or when it begins. The
 * values of placeholders are copied. Returns NULL, or a sentence that says why not.
 */
const char *aic_conversation_enter_state(struct aic_conversation *conversation, const char *name,
	const struct aic_variable *values, size_t count);

/*
 * Whether the caller may interrupt the agent from now on, as far as the agent's options do not say no. An agent that is
 * paused because he may be about to goes on.
 */
void aic_conversation_allow_interruptions(struct aic_conversation *conversation, bool allowed);

/* Ends the conversation from this side. Nothing happens when it ended before. */
void aic_conversation_end(struct aic_conversation *conversation, enum aic_status status, const char *reason,
	uint64_t now_us);

/* --- inputs: the network --- */

/* `times` is copied. */
void aic_conversation_http_reply(struct aic_conversation *conversation, int status, const char *body, size_t length,
	const struct aic_open_times *times, uint64_t now_us);
void aic_conversation_connected(struct aic_conversation *conversation, const struct aic_open_times *times,
	uint64_t now_us);
void aic_conversation_request_failed(struct aic_conversation *conversation, const struct aic_request_failure *failure,
	uint64_t now_us);

/* A piece of a text message. `complete` with its last piece. */
void aic_conversation_message(struct aic_conversation *conversation, const char *bytes, size_t length, bool complete,
	uint64_t now_us);

/* The same of a binary message. */
void aic_conversation_binary_message(struct aic_conversation *conversation, const uint8_t *bytes, size_t length,
	bool complete, uint64_t now_us);

/*
 * Whether the conversation is about to ask the service for a sign of life, or to give it up. A host that can learn when
 * bytes last came from it, whatever they were, tells so then, before aic_conversation_tick().
 */
bool aic_conversation_doubts_service(const struct aic_conversation *conversation, uint64_t now_us);

/* Bytes that need not be a message, such as a pong, came from the service at that time, which may be a while ago. */
void aic_conversation_service_heard(struct aic_conversation *conversation, uint64_t when_us);

/* The WebSocket is gone: closed by the service with a code and a reason, or broken (0, ""). */
void aic_conversation_closed(struct aic_conversation *conversation, uint16_t code, const char *reason, uint64_t now_us);

/* --- time --- */

/* When aic_conversation_tick() wants to be called; UINT64_MAX: not at all. */
uint64_t aic_conversation_deadline(const struct aic_conversation *conversation);
void aic_conversation_tick(struct aic_conversation *conversation, uint64_t now_us);

/* --- outputs --- */

/*
 * The next thing for the host to do. Messages and pings are handed out only where `writable` says that the socket takes
 * one; call again until AIC_ACTION_NONE.
 */
void aic_conversation_next_action(struct aic_conversation *conversation, bool writable, struct aic_action *action);

/* Whether a message or a ping waits for the socket. */
bool aic_conversation_wants_to_send(const struct aic_conversation *conversation);

/* What was said, as far as the service told, in lines; the latest part of it. To be freed; NULL: nothing. */
char *aic_conversation_said(const struct aic_conversation *conversation);

enum aic_phase aic_conversation_phase(const struct aic_conversation *conversation);
const char *aic_phase_name(enum aic_phase phase);
void aic_conversation_stats(const struct aic_conversation *conversation, struct aic_conversation_stats *stats);

#endif
