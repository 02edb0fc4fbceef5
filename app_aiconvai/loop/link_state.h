/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a link holds. Private to link.c (its life, the calls of other threads, the rounds of the conversation),
 * link_line.c (the caller's audio and the agent's), link_open.c (from a request to addresses), link_race.c (from
 * addresses to a connection) and link_connection.c (what libwebsockets reports of it); everybody else uses link.h.
 */
#ifndef AIC_LINK_STATE_H
#define AIC_LINK_STATE_H

#include "byte_ring.h"
#include "connection.h"
#include "link.h"
#include "playout.h"
#include "proxy.h"
#include "url.h"

#include <pthread.h>

/* RFC 6455 section 5.5.1: a close frame carries at most 123 bytes of reason. */
#define CLOSE_REASON_MAX 124

struct lookup;
struct query;

/*
 * A connection that is being made to one of the addresses, or was: the one that is chosen belongs to the link
 * afterwards.
 */
struct link_attempt {
	struct aic_connection connection;
	struct aic_link *link;
	struct lws *wsi; /* NULL: it failed, was dropped, or is the link's */
	size_t address;  /* in its `addresses` */
	uint64_t began_us;
	bool certificate_refused; /* the link knows why */
};

/* Of the connections to a request's addresses. */
struct link_race {
	struct link_attempt attempts[AIC_RESOLVER_ADDRESSES];
	size_t tried; /* of them have begun */
	struct link_attempt *beginning; /* inside aic_connection_begin() */
	bool failed_at_once;            /* there */
	struct link_attempt *chosen;    /* it has the request; NULL: none yet */
	struct aic_timer timer;         /* when the next one begins */
	char connect_error[200]; /* of the last one that failed */
};

struct aic_link {
	/* Never change after creation. */
	struct aic_event_loop *loop;
	struct aic_resolver *resolver;
	struct aic_conversation *conversation; /* its insides are the loop's thread's */
	int hasty; /* 1 for small chunks, else 0 */
	size_t wake_bytes; /* caller audio that is worth a wake-up: one chunk */
	struct aic_link_host host;
	void (*on_event)(void *user, const struct aic_event *event); /* the host's, as is what follows */
	bool (*may_take)(void *user, size_t other, char *reason);
	bool (*choose_agent)(void *user, const char *name, struct aic_agent_choice *choice, char *reason);
	void *user;

	atomic_uint references;
	atomic_bool started;
	atomic_bool line_is_lost;
	atomic_bool hold_wanted; /* the caller is on hold: told to the conversation soon */
	struct aic_loop_task task; /* has process() run; holds a reference while posted */

	/* Written by the thread that reads the line, where that is not the loop's; read by the loop's. */
	struct aic_byte_ring audio;
	struct aic_byte_ring digits;
	size_t bytes_since_wake; /* that thread's own */
	atomic_uint_fast64_t refused_frames;

	/* Guarded by `lock`, which is held for a few instructions only and while nothing else is being locked. */
	pthread_mutex_t lock;
	pthread_cond_t query_done;
	struct query *queries;
	bool end_requested;
	enum aic_status end_status;
	char end_reason[AIC_REASON_MAX];
	struct aic_resolution answer; /* of the lookup of that generation */
	uint64_t answer_generation;

	/* The loop's thread's own from here on. */
	bool running; /* started and not finished: the loop holds its reference */
	struct aic_loop_member member; /* meanwhile */
	bool finished;
	struct aic_timer timer; /* the conversation's */

	/* The agent's audio. */
	struct aic_playout playout;
	struct aic_timer playout_timer; /* a frame is due */
	struct aic_timer lax_timer; /* idle audio is due, or it is to be seen whether audio still comes */
	bool has_idle_audio;        /* the line is given some while the agent is silent */
	struct aic_idle_audio idle_audio; /* as it begins */
	bool has_line;  /* and audio is written to it */
	uint64_t greeting_delay_us, greeting_wait_us; /* the options */
	uint64_t greeting_us;     /* when the agent may be heard at the earliest, once the caller was heard */
	bool greeting_waits;      /* the caller was not */
	bool on_hold;   /* and nobody is at its end */
	bool ended;     /* the conversation is over */
	bool play_out;  /* and what is queued still is to be heard */
	bool told_finished;

	/* The request being opened, or opened. */
	uint64_t generation; /* counts requests */
	const struct aic_request *request; /* the conversation's; NULL: none is being opened */
	struct aic_url url;
	bool proxied;
	struct aic_proxy proxy; /* through which it is reached, where it is `proxied` */
	bool looking_up;
	uint64_t lookup_id; /* of the question to the resolver, 0: none is open */
	struct lookup *lookup; /* the question's; freed by whoever answers or cancels it */
	struct aic_resolution addresses;
	size_t first_address; /* moves on when one took the request and did not answer */
	struct link_race race;
	struct aic_open_times times;
	uint64_t part_us; /* when the part of them that is under way began */

	/* Its connection. */
	struct lws *wsi; /* the one that was chosen; NULL: none */
	/* one is being made or closed, or the conversation is not announced yet: the loop counts it as such */
	bool unsettled;
	struct aic_watched_socket socket; /* while the WebSocket is open */
	bool open; /* the WebSocket is established */
	bool closing; /* close it with what stands below when it is next writable */
	uint16_t close_code;
	char close_reason[CLOSE_REASON_MAX];
	struct aic_buffer http_body;
	bool http_body_is_lost; /* it is too long */
	int http_status;
	char tls_error[160]; /* why a certificate was refused, empty: none was */
	uint16_t peer_code; /* of the peer's close frame, 0: none came */
	char peer_reason[CLOSE_REASON_MAX];
};

/* --- link.c --- */

/* Has the link attended to on the loop's thread. Any thread. */
void link_wake(struct aic_link *link);

/* Does what the conversation wants done, and lets go of the link where all is over. The caller holds a reference. */
void link_pump(struct aic_link *link);

/* The same, and sends what there is to send. Not from inside a callback for its connection. */
void link_pump_and_send(struct aic_link *link);

/* --- link_line.c; the loop's thread --- */

/* What the conversation tells: does what the playout has to do with it, and tells the host. */
void link_on_event(void *user, const struct aic_event *event);

/* Tells the conversation and the playout whether the caller is on hold, if that has changed. */
void link_attend_to_hold(struct aic_link *link);

/* Takes what the rings have. */
void link_drain_rings(struct aic_link *link);

/* Settles what the line is given besides the agent's audio, and when; and begins to give it, once the link runs. */
void link_set_up_line(struct aic_link *link, const struct aic_conversation_setup *setup);
void link_begin_line(struct aic_link *link);

void link_on_playout_timer(struct aic_timer *timer);
void link_on_lax_timer(struct aic_timer *timer);

/* Tells the host, if it is over and heard to its end. */
void link_check_finished(struct aic_link *link);

/* --- link_open.c; the loop's thread --- */

/* The name, or address, that is connected to: the service's, or its proxy's. */
static inline const char *link_peer_host(const struct aic_link *link)
{
	return link->proxied ? link->proxy.url.host : link->url.host;
}

/* Begins to open what the conversation asks for; how that goes is told to the conversation. */
void link_open(struct aic_link *link, const struct aic_request *request);

/* Goes on with that where the resolver has answered. */
void link_take_answer(struct aic_link *link);

/*
 * Nobody wants to know any more: a name server that does not answer must not keep the link, and the module, from being
 * freed.
 */
void link_cancel_lookup(struct aic_link *link);

/* Tells the conversation that what it asked for could not be opened, and why, without secrets. */
void link_request_failed(struct aic_link *link, bool retry, const char *what);

/* How many microseconds the part of the opening took that is over now. The next one begins. */
uint64_t link_end_part(struct aic_link *link);

/* --- link_race.c; the loop's thread --- */

/* Begins to connect to the addresses; tells the conversation if that fails at once. */
void link_begin_race(struct aic_link *link);

/* Begins with the next one, if there is one. Returns whether any is still waited for. */
bool link_race_on(struct aic_link *link);

/* This one is ready for the request, and gets it: the others are dropped. */
void link_choose(struct link_attempt *attempt, struct lws *wsi);

/* Drops all that are being made. */
void link_drop_attempts(struct aic_link *link);

/* Whether there is a connection, or any being made. */
bool link_is_connected(const struct aic_link *link);

/*
 * The address that got the request answered it, or it broke off or took too long: it goes first the next time, or does
 * not.
 */
void link_address_answered(struct aic_link *link);
void link_address_failed(struct aic_link *link);

/* --- link_connection.c; the loop's thread --- */

extern const struct aic_connection_kind link_connection_kind;

/* Tells the conversation when bytes came from the service last. The WebSocket is open. */
void link_tell_last_heard(struct aic_link *link);

/*
 * Sends the message of AIC_ACTION_SEND, or the ping of AIC_ACTION_PING. Returns 0, or -1 when the connection cannot go
 * on.
 */
int link_write(struct aic_link *link, const struct aic_action *action);

/* Forgets the connection: what still comes from it is nobody's. */
void link_detach(struct aic_link *link);

/* Closes the WebSocket in due form. */
void link_close(struct aic_link *link, uint16_t code, const char *reason);

/* Forgets the connection and has it closed without further ceremony. */
void link_abort(struct aic_link *link);

/* The same where libwebsockets fails, and closes nothing any more. */
void link_cut_off(struct aic_link *link);

#endif
