/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "container_of.h"
#include "link_state.h"
#include "outbox.h"
#include "tls_sessions.h"
#include "websocket_frame.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

_Static_assert(AIC_SEND_HEADROOM >= AIC_WEBSOCKET_HEADER_MAX, "the frame's header is written into the headroom");

/* Longest reply to an HTTP request: a signed URL is some hundred bytes. */
#define HTTP_BODY_MAX 65536

/* A connection that we close may take so long to go. */
#define CLOSE_LIMIT_SECONDS 5

void link_detach(struct aic_link *link)
{
	aic_event_loop_unwatch(link->loop, &link->socket);
	if (link->wsi) {
		aic_connection_leave(link->wsi);
		link->wsi = NULL;
	}
	link->open = link->closing = false;
}

void link_abort(struct aic_link *link)
{
	struct lws *wsi = link->wsi;

	if (wsi && !link->open && !link->http_status) {
		/* It took the request and did not answer: the next attempt begins with another address. */
		link_address_failed(link);
		link->first_address++;
	}
	link_drop_attempts(link);
	link_detach(link);
	if (wsi) {
		aic_connection_kill(wsi);
	}
	link->request = NULL;
	link_cancel_lookup(link);
}

void link_cut_off(struct aic_link *link)
{
	if (link->wsi) {
		/* The socket itself is closed with libwebsockets' context. */
		shutdown(lws_get_socket_fd(link->wsi), SHUT_RDWR);
	}
	link_abort(link);
}

void link_close(struct aic_link *link, uint16_t code, const char *reason)
{
	if (!link->wsi || link->closing) {
		return;
	}
	link->closing = true;
	link->close_code = code;
	snprintf(link->close_reason, sizeof(link->close_reason), "%s", reason);
	lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_OK, CLOSE_LIMIT_SECONDS);
	lws_callback_on_writable(link->wsi);
}

/* --- what libwebsockets reports --- */

/*
 * The connection is ready for the request: libwebsockets tells no sooner that TCP is connected, and OpenSSL when TLS
 * began.
 */
static void take_connect_times(struct aic_link *link, const struct link_attempt *attempt, SSL *tls)
{
	link->part_us = attempt->began_us;
	link->times.tls_us = tls ? aic_tls_handshake_us(tls) : 0;
	link->times.tcp_us = link_end_part(link) - link->times.tls_us;
	link->times.tls_resumed = tls && SSL_session_reused(tls);
}

/* Adds the request's headers, once it is certain who gets them. */
static int add_headers(struct link_attempt *attempt, struct lws *wsi, unsigned char **at, unsigned char *end)
{
	struct aic_link *link = attempt->link;

	link_choose(attempt, wsi);
	take_connect_times(link, attempt, link->url.secure ? lws_get_ssl(wsi) : NULL);
	for (size_t i = 0; link->request && i < link->request->header_count; i++) {
		const char *value = link->request->headers[i].value;
		char name[64];

		snprintf(name, sizeof(name), "%s:", link->request->headers[i].name);
		if (lws_add_http_header_by_name(wsi, (const unsigned char *) name, (const unsigned char *) value,
			(int) strlen(value), at, end)) {
			return -1;
		}
	}
	return 0;
}

static void on_http_body(struct aic_link *link, const void *bytes, size_t length)
{
	if (link->http_body.length + length > HTTP_BODY_MAX || aic_buffer_append(&link->http_body, bytes, length)) {
		link->http_body_is_lost = true;
	}
}

static void on_http_complete(struct aic_link *link)
{
	char text[64];

	link_detach(link);
	if (link->http_body_is_lost) {
		snprintf(text, sizeof(text), "its reply is longer than %d bytes, or memory is short", HTTP_BODY_MAX);
		link_request_failed(link, false, text);
		link_pump(link);
		return;
	}
	link->request = NULL;
	link->times.reply_us = link_end_part(link);
	aic_conversation_http_reply(link->conversation, link->http_status, (const char *) link->http_body.bytes,
		link->http_body.length, &link->times, aic_now_us());
	link_pump(link);
}

static bool http_status_may_pass(int status)
{
	return status == 408 || status == 429 || status >= 500;
}

/* Why a connection could not be made, or the request on it failed. Returns whether another one may be better. */
static bool explain_connection_error(const struct link_attempt *attempt, struct lws *wsi, const char *library_text,
	char *text, size_t size)
{
	int status = attempt->link->http_status;

	if (attempt->certificate_refused) {
		snprintf(text, size, "TLS: the certificate was refused: %s", attempt->link->tls_error);
		return false;
	}
	if (status && status != 101) {
		snprintf(text, size, "it answered HTTP %d to the WebSocket upgrade", status);
		return http_status_may_pass(status);
	}
	aic_connection_explain(wsi, library_text, text, size);
	return true;
}

static void on_connection_error(struct link_attempt *attempt, struct lws *wsi, const char *library_text)
{
	struct aic_link *link = attempt->link;
	bool chosen = link->race.chosen == attempt, retry;
	char text[256];

	if (aic_connection_is_in_handshake(wsi)) {
		/* Whatever the reason: the next attempt begins afresh. */
		aic_tls_sessions_forget(lws_get_ssl(wsi));
	}
	if (chosen) {
		link->http_status = (int) lws_http_client_http_response(wsi);
	}
	retry = explain_connection_error(attempt, wsi, library_text, text, sizeof(text));
	snprintf(link->race.connect_error, sizeof(link->race.connect_error), "%.199s", text);
	aic_connection_leave(wsi);
	if (chosen) {
		if (link->http_status) {
			link_address_answered(link);
		} else {
			link_address_failed(link);
		}
		link->race.chosen = NULL;
		link_detach(link);
	}
	if (link->race.beginning == attempt) {
		link->race.failed_at_once = true;
		return;
	}
	attempt->wsi = NULL;
	if (link->request && (attempt->certificate_refused || link->http_status || !link_race_on(link))) {
		link_drop_attempts(link);
		link_request_failed(link, retry, text);
	}
	link_pump(link);
}

static void on_receive(struct aic_link *link, struct lws *wsi, const char *bytes, size_t length)
{
	bool complete = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);

	if (lws_frame_is_binary(wsi)) {
		aic_conversation_binary_message(link->conversation, (const uint8_t *) bytes, length, complete, aic_now_us());
	} else {
		aic_conversation_message(link->conversation, bytes, length, complete, aic_now_us());
	}
	link_pump(link);
}

/*
 * libwebsockets tells of pongs, and of no ping of the peer's; the kernel tells of every byte, even of those that nobody
 * has read yet.
 */
void link_tell_last_heard(struct aic_link *link)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	if (!getsockopt(lws_get_socket_fd(link->wsi), IPPROTO_TCP, TCP_INFO, &info, &length)) {
		aic_conversation_service_heard(link->conversation, aic_now_us() - info.tcpi_last_data_recv * UINT64_C(1000));
	}
}

static int write_ping(struct lws *wsi)
{
	uint8_t empty[LWS_PRE + 1];

	return lws_write(wsi, empty + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
}

int link_write(struct aic_link *link, const struct aic_action *action)
{
	if (action->type == AIC_ACTION_PING) {
		return write_ping(link->wsi);
	}
	return aic_connection_send(link->loop, link->wsi, action->message, action->message_length, action->binary);
}

/* Returns what the callback is to return: nonzero closes the connection. */
static int on_writable(struct aic_link *link, struct lws *wsi)
{
	struct aic_action action;

	if (link->closing) {
		lws_close_reason(wsi, (enum lws_close_status) link->close_code, (unsigned char *) link->close_reason,
			strlen(link->close_reason));
		return -1;
	}
	aic_conversation_next_action(link->conversation, true, &action);
	if (action.type == AIC_ACTION_SEND || action.type == AIC_ACTION_PING) {
		if (link_write(link, &action)) {
			return -1;
		}
		if (aic_conversation_wants_to_send(link->conversation)) {
			lws_callback_on_writable(wsi);
			aic_event_loop_want_full_round(link->loop);
		} else {
			/* A close waits for the last message. */
			link_pump(link);
		}
	}
	return 0;
}

static void on_established(struct aic_link *link, struct lws *wsi)
{
	link->open = true;
	link->request = NULL;
	link_address_answered(link);
	link->times.reply_us = link_end_part(link);
	aic_event_loop_watch(link->loop, &link->socket, lws_get_socket_fd(wsi), link->url.secure ? lws_get_ssl(wsi) : NULL);
	aic_conversation_connected(link->conversation, &link->times, aic_now_us());
	link_pump(link);
	/* What begins the conversation goes at once, and not a round of the loop later. */
	if (link->wsi == wsi && !link->closing && on_writable(link, wsi)) {
		aic_connection_kill(wsi);
	}
}

static void on_peer_close(struct aic_link *link, const unsigned char *bytes, size_t length)
{
	if (length >= 2) {
		size_t reason = length - 2 < sizeof(link->peer_reason) - 1 ? length - 2 : sizeof(link->peer_reason) - 1;

		link->peer_code = (uint16_t) (bytes[0] << 8 | bytes[1]);
		memcpy(link->peer_reason, bytes + 2, reason);
		link->peer_reason[reason] = '\0';
	} else {
		/* RFC 6455 section 7.4.1: what to take a close frame without a code for. */
		link->peer_code = 1005;
	}
	/* libwebsockets answers it. */
	link_pump(link);
}

static void on_gone(struct aic_link *link)
{
	link_detach(link);
	aic_conversation_closed(link->conversation, link->peer_code, link->peer_reason, aic_now_us());
	link_pump(link);
}

static void on_http_gone(struct aic_link *link)
{
	link_detach(link);
	if (link->request) {
		link_request_failed(link, true, "the connection broke before the reply was complete");
	}
	link_pump(link);
}

/* Reads the pending piece of an HTTP reply; the piece itself comes with LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ. */
static int read_http(struct lws *wsi)
{
	char buffer[LWS_PRE + 2048], *at = buffer + LWS_PRE;
	int length = 2048;

	return lws_http_client_read(wsi, &at, &length) < 0 ? -1 : 0;
}

/*
 * Those callbacks that belong to a link; it is held meanwhile. Before its request is sent a connection is one of
 * several.
 */
static int link_callback(struct link_attempt *attempt, struct lws *wsi, enum lws_callback_reasons reason, void *in,
	size_t length)
{
	struct aic_link *link = attempt->link;
	unsigned char **at = in;

	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_headers(attempt, wsi, at, *at + length);
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		link->http_status = (int) lws_http_client_http_response(wsi);
		link_address_answered(link);
		return 0;
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
		return read_http(wsi);
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		on_http_body(link, in, length);
		return 0;
	case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
		on_http_complete(link);
		return -1;
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		on_http_gone(link);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_connection_error(attempt, wsi, in);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		on_established(link, wsi);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		on_receive(link, wsi, in, length);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		aic_conversation_service_heard(link->conversation, aic_now_us());
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return on_writable(link, wsi);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		on_peer_close(link, in, length);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		on_gone(link);
		return 0;
	default:
		return 0;
	}
}

static int callback(struct aic_connection *connection, struct lws *wsi, enum lws_callback_reasons reason, void *in,
	size_t length)
{
	struct link_attempt *attempt = AIC_CONTAINER_OF(connection, struct link_attempt, connection);
	struct aic_link *link = attempt->link;
	int result;

	aic_link_hold(link);
	result = link_callback(attempt, wsi, reason, in, length);
	aic_link_release(link);
	return result;
}

static void on_certificate_refused(struct aic_connection *connection, const char *why)
{
	struct link_attempt *attempt = AIC_CONTAINER_OF(connection, struct link_attempt, connection);

	attempt->certificate_refused = true;
	snprintf(attempt->link->tls_error, sizeof(attempt->link->tls_error), "%s", why);
}

const struct aic_connection_kind link_connection_kind = {
	.callback = callback,
	.certificate_refused = on_certificate_refused,
};
