/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "connection.h"

#include "url.h"
#include "websocket_frame.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * libwebsockets would close a connection whose peer answers none of its pings, however much else comes from it. Who
 * wants to know whether a peer is there sees to that itself.
 */
static const lws_retry_bo_t never_checked = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};

struct lws *aic_connection_begin(struct aic_event_loop *loop, struct aic_connection *connection,
	const struct aic_connection_target *target, struct lws **wsi)
{
	struct lws_client_connect_info info = {0};
	char path[AIC_CONNECTION_PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", target->url->path[0] == '/' ? "" : "/", target->url->path);
	info.context = aic_event_loop_context(loop);
	info.vhost = target->vhost;
	info.address = target->address;
	info.port = target->url->port;
	info.ssl_connection = (target->url->secure ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
	info.path = path;
	/* Whatever the address: this is what the certificate must be for, and the Host header. */
	info.host = target->url->authority;
	info.method = target->is_websocket ? NULL : "GET";
	info.protocol = target->is_websocket ? target->subprotocol : NULL;
	info.local_protocol_name = aic_connection_protocol.name;
	info.alpn = "http/1.1";
	info.ietf_version_or_minus_one = -1;
	info.retry_and_idle_policy = &never_checked;
	info.opaque_user_data = connection;
	info.pwsi = wsi;
	return lws_client_connect_via_info(&info);
}

void aic_connection_leave(struct lws *wsi)
{
	lws_set_opaque_user_data(wsi, NULL);
}

void aic_connection_kill(struct lws *wsi)
{
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void aic_connection_drop(struct lws *wsi)
{
	aic_connection_leave(wsi);
	aic_connection_kill(wsi);
}

int aic_connection_send(struct aic_event_loop *loop, struct lws *wsi, uint8_t *message, size_t length, bool is_binary)
{
	size_t header = aic_websocket_frame(aic_event_loop_masks(loop), message, length, is_binary);

	if (!header) {
		return -1;
	}
	length += header;
	return lws_write(wsi, message - header, length, LWS_WRITE_RAW) < (int) length ? -1 : 0;
}

#define ERROR_TEXT_MAX 128

/*
 * What the library says about a connection that failed, in words: its newer versions give the number of the system's
 * error.
 */
static const char *error_text(const char *library_text, char buffer[static ERROR_TEXT_MAX])
{
	static const char with_number[] = "conn fail: ";

	if (!library_text) {
		return "no reason given";
	}
	if (strncmp(library_text, with_number, strlen(with_number))) {
		return library_text;
	}
	return strerror_r((int) strtol(library_text + strlen(with_number), NULL, 10), buffer, ERROR_TEXT_MAX);
}

/* libwebsockets 4.0 gives no reason, but leaves OpenSSL's where it is; later versions give it and take it away. */
static const char *handshake_error_text(const char *library_text, char buffer[static ERROR_TEXT_MAX])
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	return reason ? reason : error_text(library_text, buffer);
}

bool aic_connection_is_in_handshake(struct lws *wsi)
{
	SSL *tls = lws_get_ssl(wsi);

	return tls && SSL_in_init(tls);
}

void aic_connection_explain(struct lws *wsi, const char *library_text, char *text, size_t size)
{
	char buffer[ERROR_TEXT_MAX];

	if (aic_connection_is_in_handshake(wsi)) {
		snprintf(text, size, "TLS: the handshake failed: %.150s", handshake_error_text(library_text, buffer));
	} else {
		snprintf(text, size, "the connection could not be made: %.150s", error_text(library_text, buffer));
	}
}

/*
 * A connection that was given up. It was told to go, but libwebsockets forgets that where it sets a time limit of its
 * own afterwards, as it does at each step of making a connection: so it is told again at the next. Returns what the
 * callback is to return.
 */
static int abandoned_callback(enum lws_callback_reasons reason)
{
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
	case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
	case LWS_CALLBACK_CLIENT_RECEIVE:
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return -1;
	default:
		return 0;
	}
}

static void refuse_certificate(struct aic_connection *connection, long error)
{
	connection->kind->certificate_refused(connection, X509_verify_cert_error_string(error));
}

/* Before it is asked for anything: libwebsockets lets certificates pass that are not valid yet. */
static bool is_trusted(struct aic_connection *connection, struct lws *wsi)
{
	SSL *tls = lws_get_ssl(wsi);
	long error = tls ? SSL_get_verify_result(tls) : X509_V_OK;

	if (error != X509_V_OK) {
		refuse_certificate(connection, error);
	}
	return error == X509_V_OK;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct aic_connection *connection = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) {
		/* Here `user` is the store, and `length` whether OpenSSL would accept it; the answer is always OpenSSL's. */
		if (!length && connection) {
			refuse_certificate(connection, X509_STORE_CTX_get_error(user));
		}
		return length ? 0 : 1;
	}
	if (!connection) {
		return abandoned_callback(reason);
	}
	if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER && !is_trusted(connection, wsi)) {
		return -1;
	}
	return connection->kind->callback(connection, wsi, reason, in, length);
}

const struct lws_protocols aic_connection_protocol = {
	.name = "aiconvai",
	.callback = callback,
	.rx_buffer_size = 4096,
};
