/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Calls that reach us by another door than the module: connections of AudioSocket, sessions of RTP, WebSockets of
 * channels, and conversations on them. Audio, sockets and the engine live on the gateway's own loops; whoever drives it
 * (Python) says who talks with whom, and takes what happened from a queue. It never touches a sample, and nobody's
 * audio waits for it.
 *
 *     open_rtp, open_websocket,
 *     open_audiosocket -------------+
 *                                   v
 *     listen --> ARRIVED(uuid) --> converse() --> BEGUN --> CONVERSATION... --> FINISHED --> hang_up() --> OVER
 *                     |                                                            ^
 *                     +-- hang_up()                       Asterisk hangs up: OVER, at any time
 *
 * Threads. All functions may be called by any thread, and wait for a loop's round at the most. A call is named by a
 * number that no other call of this gateway has; one that is over is known to nobody, and what is asked of it fails.
 *
 * Bounds. So many connections as max_calls says; each says within AIC_GATEWAY_IDENTIFY_MS which call it is, is answered
 * within AIC_GATEWAY_ANSWER_MS, and hung up within AIC_GATEWAY_HANG_UP_MS of its end, or is ended here. Events that
 * nobody takes wait, so many as the bounds of the queue allow; of those that are lost the next one tells, and while it
 * is full no call begins.
 */
#ifndef AIC_GATEWAY_H
#define AIC_GATEWAY_H

#include "conversation.h"
#include "peers.h"
#include "rtp_packet.h"
#include "variable.h"

#define AIC_GATEWAY_IDENTIFY_MS 5000
#define AIC_GATEWAY_ANSWER_MS 10000
#define AIC_GATEWAY_HANG_UP_MS 5000

/* A UUID as text, and an address with its port. */
#define AIC_UUID_TEXT 37
#define AIC_PEER_TEXT 64

struct aic_gateway;

enum aic_gateway_event_type {
	AIC_GATEWAY_ARRIVED,      /* a connection said which call it is */
	AIC_GATEWAY_BEGUN,        /* its conversation has; what is asked of it is done from now on */
	AIC_GATEWAY_CONVERSATION, /* what the engine tells; without AIC_EVENT_AUDIO */
	AIC_GATEWAY_HEARD,        /* the agent is heard from now on, or not any more */
	AIC_GATEWAY_FINISHED,     /* the conversation is over and was heard to its end; the line waits for hang_up() */
	AIC_GATEWAY_OVER,         /* nothing is left of the call; the last event of each that arrived */
	AIC_GATEWAY_LOG,          /* something went wrong that concerns no call; `text` says what */
};

struct aic_gateway_event {
	enum aic_gateway_event_type type;
	uint64_t call;    /* 0: of no call */
	uint64_t unix_us; /* when it happened, since 1970 */
	uint64_t dropped; /* events lost in front of this one */
	const char *text; /* OVER: why the connection ended; LOG */
	/* ARRIVED */
	char uuid[AIC_UUID_TEXT];
	char peer[AIC_PEER_TEXT];
	uint16_t port; /* ours */
	/* BEGUN */
	struct aic_audio_format line_format;
	bool is_heard; /* HEARD */
	/* CONVERSATION */
	const struct aic_event *conversation;
	const char *agent; /* the name of the one that has the call, and of the one that had it before */
	const char *agent_before;
	/* CONVERSATION that ended */
	uint64_t frames_received, frames_written, frames_lost, silent_frames, frames_refused, duration_ms;
	struct aic_playout_stats playout;
};

/* Agents by name, as a configuration has them. All of it must outlive the calls that begin with it. */
struct aic_gateway_agent {
	const char *name;
	struct aic_agent_choice choice;
};

struct aic_gateway_agents {
	const struct aic_gateway_agent *agents;
	size_t count;
};

/* How a conversation begins. The texts and variables are copied. */
struct aic_gateway_start {
	const struct aic_gateway_agents *agents;
	size_t agent;                 /* which of them */
	const size_t *failover;       /* which of them are tried where it cannot be started */
	size_t failover_count;
	const struct aic_variable *variables;
	size_t variable_count;
	const char *said; /* before; NULL: it begins here */
};

/* Starts so many loops. Returns NULL, with a sentence in `error`, where that fails. */
struct aic_gateway *aic_gateway_new(unsigned int loops, unsigned int max_calls, char *error, size_t error_size);

/* Ends every call and waits until that is done. Nobody else may call anything meanwhile. */
void aic_gateway_free(struct aic_gateway *gateway);

/*
 * Takes connections of AudioSocket from these peers (copied). `port` 0: any free one. Returns the port, or -1
 * with a sentence in `error`.
 */
int aic_gateway_listen(struct aic_gateway *gateway, const char *address, uint16_t port,
	const struct aic_peers *peers, char *error, size_t error_size);

/*
 * Opens a session of RTP, for a call that somebody else brings to that port: one of the even ones from `first` to
 * `last`, which is written to `port`. G.722 is there where aic_g722_is_there(), and is 16 kHz linear to the engine. It
 * sends once its peer is known: told (aic_gateway_rtp_peer()), or by the first packet that comes from one of `peers`
 * (copied). Returns the call's number, or 0 with a sentence in `error`.
 */
uint64_t aic_gateway_open_rtp(struct aic_gateway *gateway, const char *address, uint16_t first, uint16_t last,
	enum aic_rtp_payload_type codec, const struct aic_peers *peers, uint16_t *port, char *error, size_t error_size);

/*
 * Opens the WebSocket of a channel that waits in Asterisk for that: ws:// or wss://, whose host is at `address`, as
 * numbers (empty: so it stands in the URL). Audio is linear, at 8000 or 16000 Hz as the channel's. Returns the call's
 * number, or 0 with a sentence in `error`; where no connection comes of it OVER follows.
 */
uint64_t aic_gateway_open_websocket(struct aic_gateway *gateway, const char *url, const char *address, uint32_t rate,
	char *error, size_t error_size);

/*
 * Opens a connection of AudioSocket between this program and itself, for a call that comes by none of Asterisk's ways:
 * `fd`, which does not block, is the other end, and the caller's to read, write and close. It is told audio of that
 * rate (Hz, one that AudioSocket has, up to 48000) every 20 ms from now on; it says audio and keys, no UUID, and closes
 * the connection to hang up. Returns the call's number, or 0 with a sentence in `error`.
 */
uint64_t aic_gateway_open_audiosocket(struct aic_gateway *gateway, uint32_t rate, int *fd, char *error,
	size_t error_size);

/* Is readable (poll, epoll) while there are events. */
int aic_gateway_events_fd(struct aic_gateway *gateway);

/* The next event, to be freed with aic_gateway_event_free(); NULL: there is none. */
struct aic_gateway_event *aic_gateway_next_event(struct aic_gateway *gateway);
void aic_gateway_event_free(struct aic_gateway_event *event);

/* --- a call --- */

/* Begins the conversation, soon. Once. Returns 0, or -1 where there is no such call, or it has one. */
int aic_gateway_converse(struct aic_gateway *gateway, uint64_t id, const struct aic_gateway_start *start);

/* Where a session of RTP sends to. Returns 0, or -1: there is no such call, or that is no address. */
int aic_gateway_rtp_peer(struct aic_gateway *gateway, uint64_t id, const char *address, uint16_t port);

/*
 * Somebody knows more of a connection of AudioSocket: its audio is of that rate, and keys are told by
 * aic_gateway_key(). Before aic_gateway_converse(). Returns 0, or -1: there is no such call.
 */
int aic_gateway_expect(struct aic_gateway *gateway, uint64_t id, uint32_t rate);

/* Ends the conversation, where there is one; FINISHED or OVER follows. Returns 0, or -1: there is no such call. */
int aic_gateway_end(struct aic_gateway *gateway, uint64_t id, enum aic_status status, const char *reason);

/* Ends the connection: the dialplan goes on. Returns 0, or -1: there is no such call. */
int aic_gateway_hang_up(struct aic_gateway *gateway, uint64_t id);

/* Has `work` called with the conversation. Returns 0, or -1 where there is none. */
int aic_gateway_query(struct aic_gateway *gateway, uint64_t id,
	void (*work)(struct aic_conversation *conversation, void *arg), void *arg);

/*
 * The caller pressed a key, or is on hold, where the door does not say so and somebody else does. Returns 0, or -1
 * where there is no conversation.
 */
int aic_gateway_key(struct aic_gateway *gateway, uint64_t id, char key);
int aic_gateway_hold(struct aic_gateway *gateway, uint64_t id, bool on_hold);

/* The same as their namesakes of conversation.h; -1 also where there is no such conversation. */
int aic_gateway_context(struct aic_gateway *gateway, uint64_t id, const char *text);
int aic_gateway_user_message(struct aic_gateway *gateway, uint64_t id, const char *text);
int aic_gateway_tool_result(struct aic_gateway *gateway, uint64_t id, const char *tool_id, const char *result,
	bool is_error, bool silent);
int aic_gateway_transfer(struct aic_gateway *gateway, uint64_t id, const char *tool_id, bool at_once);
int aic_gateway_let_listen(struct aic_gateway *gateway, uint64_t id, const char *tool_id);
int aic_gateway_stop_listening(struct aic_gateway *gateway, uint64_t id);
int aic_gateway_found(struct aic_gateway *gateway, uint64_t id, const struct aic_variable *variables, size_t count);

/* NULL, or why the state was not entered, in a sentence. */
const char *aic_gateway_enter_state(struct aic_gateway *gateway, uint64_t id, const char *name);

#endif
