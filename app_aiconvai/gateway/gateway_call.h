/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A call of the gateway: its line, and the conversation on it. It lives on one loop, on whose thread everything happens
 * to it; what others ask of it they write down under its lock and post. Reference counted: the gateway's table holds
 * one, its line and its link one each, as long as there are such, and a task that is posted.
 */
#ifndef AIC_GATEWAY_CALL_H
#define AIC_GATEWAY_CALL_H

#include "audiosocket_line.h"
#include "rtp_line.h"
#include "websocket_line.h"
#include "gateway.h"
#include "gateway_events.h"
#include "link.h"

#include <pthread.h>
#include <stdatomic.h>

/* Agents that a call may be with one after the other, as the module has it. */
#define GATEWAY_FAILOVER_MAX 8

/* What a conversation is to begin with. */
struct gateway_start;

enum gateway_call_door {
	GATEWAY_CALL_AUDIOSOCKET, /* it says which call it is; by the others somebody opens one */
	GATEWAY_CALL_RTP,
	GATEWAY_CALL_WEBSOCKET,
};

/* By which door it comes. */
struct gateway_call_way {
	enum gateway_call_door door;
	int fd;       /* its socket; once the line has it, or where it makes its own, -1 */
	uint16_t port; /* ours */
	/* of AudioSocket: the other side's address; and its rate, where we have opened it ourselves, else 0 */
	char peer[AIC_PEER_TEXT];
	uint32_t rate;
	/* of RTP: its codec, and who may send */
	enum aic_rtp_payload_type codec;
	struct aic_peers peers;
	/* of a WebSocket */
	struct aic_websocket_place place;
	struct aic_audio_format format;
};

struct gateway_call_host {
	struct aic_gateway_events *events;
	struct aic_resolver *resolver;
	/* Nothing is left of the call; it is to be forgotten, and its reference dropped. Any thread. */
	void (*over)(void *user, uint64_t id);
	void *user;
};

struct gateway_call {
	/* Never change after creation. */
	uint64_t id;
	const struct gateway_call_host *host;
	struct aic_event_loop *loop;
	const struct aic_door_kind *door;
	struct aic_line *line;     /* one of those below */
	struct gateway_call_way way;

	atomic_uint references;
	atomic_uint parts; /* the line and the link: where none is left the call is over */
	atomic_bool arrived; /* that was told, and the end will be */
	struct aic_loop_task task;

	pthread_mutex_t lock; /* held for a few instructions only, and nothing else is locked meanwhile */
	/* Guarded by it. */
	struct gateway_start *start; /* owned: to begin with, soon */
	bool was_started;
	bool hang_up;
	struct aic_link *link; /* the call's reference, until its line is over; NULL: none */
	struct sockaddr_storage peer; /* that a line of RTP sends to; its family is 0: nobody has said so */
	socklen_t peer_length;
	uint32_t rate; /* of a line of AudioSocket that somebody knows more of; 0: nobody does */

	/* The loop's thread's own. */
	bool opened;
	struct aic_audiosocket_line audiosocket;
	struct aic_rtp_line rtp;
	struct aic_websocket_line websocket;
	bool identified; /* it said which call it is, or had not to */
	bool line_is_over, line_is_left; /* the connection is; and the conversation was told so */
	char why[160];                   /* it is over; empty: it is not */
	struct aic_timer deadline; /* somebody has to do something until then */
	const char *deadline_of;   /* what */
	struct gateway_start *begun; /* owned: what the conversation began with */
	struct aic_playout_queue *playout; /* owned */
	uint64_t begun_us;
	size_t acting, acting_before; /* which of the agents has the call */
	bool agent_is_heard;
};

/* The socket, where it has one, is the call's from now on. Returns NULL, and has closed it, where memory is short. */
struct gateway_call *gateway_call_new(const struct gateway_call_host *host, uint64_t id, struct aic_event_loop *loop,
	const struct gateway_call_way *way);

void gateway_call_hold(struct gateway_call *call);
void gateway_call_release(struct gateway_call *call);

/* Has the loop take it up. The table must have it. Any thread. */
void gateway_call_begin(struct gateway_call *call);

/* As aic_gateway_converse() and aic_gateway_hang_up(). Any thread. */
int gateway_call_converse(struct gateway_call *call, const struct aic_gateway_start *start);
void gateway_call_hang_up(struct gateway_call *call);

/* As aic_gateway_rtp_peer(). Any thread. */
void gateway_call_set_peer(struct gateway_call *call, const struct sockaddr_storage *peer, socklen_t length);

/* As aic_gateway_expect(). Any thread. */
void gateway_call_expect(struct gateway_call *call, uint32_t rate);

/* The link, with a reference for the caller; NULL: there is none. Any thread. */
struct aic_link *gateway_call_link(struct gateway_call *call);

#endif
