/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A connection of libwebsockets that we open: how one begins, who is told what becomes of it, and how a message is sent
 * on it. All connections of a loop are of one protocol, and told apart by whose they are. On the loop's thread.
 */
#ifndef AIC_CONNECTION_H
#define AIC_CONNECTION_H

#include "event_loop.h"

#include <libwebsockets.h>

struct aic_connection;
struct aic_url;

struct aic_connection_kind {
	/* As libwebsockets has its callbacks; what is returned is returned to it. */
	int (*callback)(struct aic_connection *connection, struct lws *wsi, enum lws_callback_reasons reason, void *in,
		size_t length);
	/* The other side is not trusted, for that reason; the connection fails, which is told as well. */
	void (*certificate_refused)(struct aic_connection *connection, const char *why);
};

/* What a connection is to its owner; in the owner's struct. */
struct aic_connection {
	const struct aic_connection_kind *kind;
};

/* Where to. */
struct aic_connection_target {
	const struct aic_url *url;
	const char *address;     /* what is connected to: of url->host, or the name itself where a proxy looks it up */
	struct lws_vhost *vhost; /* what is trusted, and by what proxy */
	bool is_websocket;       /* else an HTTP GET */
	const char *subprotocol; /* of a WebSocket; NULL: none */
};

/* The one protocol of all loops: what aic_event_loop_new() is given. */
extern const struct lws_protocols aic_connection_protocol;

/* Longest path of a URL, with its query and the end of the text: a configured one has 4096 bytes at most. */
#define AIC_CONNECTION_PATH_MAX 4200

/*
 * Begins to connect. `wsi` is written to before the connection's callback is called. Returns NULL where that failed at
 * once; the callback may have been told so by then.
 */
struct lws *aic_connection_begin(struct aic_event_loop *loop, struct aic_connection *connection,
	const struct aic_connection_target *target, struct lws **wsi);

/*
 * What is still to come of it is nobody's. `drop` also has it closed without further ceremony. Before the socket is
 * closed it is not to be watched any more.
 */
void aic_connection_leave(struct lws *wsi);
void aic_connection_drop(struct lws *wsi);

/* Has it dropped, where one of its own callbacks may be under way; that is told. */
void aic_connection_kill(struct lws *wsi);

/* Why a connection could not be made, where nobody knows better. `library_text`: what the callback was given. */
void aic_connection_explain(struct lws *wsi, const char *library_text, char *text, size_t size);

/* Whether it had not got beyond TLS. */
bool aic_connection_is_in_handshake(struct lws *wsi);

/*
 * Sends a message, which is masked where it lies; AIC_WEBSOCKET_HEADER_MAX bytes in front of it are written to. What
 * the socket does not take libwebsockets keeps. Returns 0, or -1 where the connection cannot go on.
 */
int aic_connection_send(struct aic_event_loop *loop, struct lws *wsi, uint8_t *message, size_t length, bool is_binary);

#endif
