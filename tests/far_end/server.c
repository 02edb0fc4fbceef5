/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "server.h"

#include "audiosocket.h"
#include "conversation.h"
#include "facts.h"
#include "media.h"
#include "services/service.h"
#include "signed_url.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define MEDIA_PATH "/media"

/* What one read takes, and so what comes at once of a longer message. */
#define READ_SIZE 16384

/* A write goes to the kernel whole, as far as it takes it. */
#define WRITE_SIZE (1024 * 1024)

struct connection {
	struct conversation *conversation;
	struct media *media;
	struct audiosocket *audiosocket;
};

static struct lws_context *context;
static const char *host;

/* No keep-alive of libwebsockets: the protocols have their own. */
static const lws_retry_bo_t no_idle_limit;

static void copy_path(struct lws *wsi, char *path, int size)
{
	if (lws_hdr_copy(wsi, path, size, WSI_TOKEN_GET_URI) < 0) {
		path[0] = '\0';
	}
}

static int open_websocket(struct lws *wsi, struct connection *connection)
{
	char path[128], name[256];
	const struct service *service;
	const char *agent_name;

	totals.connections++;
	copy_path(wsi, path, sizeof(path));
	if (!strcmp(path, MEDIA_PATH)) {
		connection->media = media_new(wsi);
		return connection->media ? 0 : -1;
	}
	if (!(service = service_at_path(path))) {
		return -1;
	}
	agent_name = lws_get_urlarg_by_name(wsi, "agent_id=", name, sizeof(name));
	connection->conversation = conversation_new(wsi, service, agent_name ? agent_name : "");
	return connection->conversation ? 0 : -1;
}

/* Returns 0 to go on, 1 where the request is answered. */
static int confirm_upgrade(struct lws *wsi)
{
	char path[128];

	copy_path(wsi, path, sizeof(path));
	if (!strcmp(path, MEDIA_PATH) || service_at_path(path)) {
		return 0;
	}
	return signed_url_answer(wsi, path) ? -1 : 1;
}

static int serve_websocket(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct connection *connection = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return signed_url_answer(wsi, in) || lws_http_transaction_completed(wsi) ? -1 : 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return open_websocket(wsi, connection);
	case LWS_CALLBACK_RECEIVE:
		return connection->conversation ? conversation_receive(connection->conversation, in, length)
			: connection->media ? media_receive(connection->media, in, length) : -1;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return connection->conversation ? conversation_writable(connection->conversation)
			: connection->media ? media_writable(connection->media) : -1;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (connection->conversation) {
			conversation_peer_closes(connection->conversation, in, length);
		}
		return 0;
	case LWS_CALLBACK_CLOSED:
		if (connection->conversation) {
			conversation_free(connection->conversation);
			connection->conversation = NULL;
		}
		if (connection->media) {
			media_free(connection->media);
			connection->media = NULL;
		}
		return 0;
	default:
		return 0;
	}
}

static int serve_audiosocket(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct connection *connection = user;

	switch (reason) {
	case LWS_CALLBACK_RAW_ADOPT:
		totals.connections++;
		connection->audiosocket = audiosocket_new(wsi);
		return connection->audiosocket ? 0 : -1;
	case LWS_CALLBACK_RAW_RX:
		return connection->audiosocket ? audiosocket_receive(connection->audiosocket, in, length) : -1;
	case LWS_CALLBACK_RAW_WRITEABLE:
		return connection->audiosocket ? audiosocket_writable(connection->audiosocket) : -1;
	case LWS_CALLBACK_RAW_CLOSE:
		if (connection->audiosocket) {
			audiosocket_free(connection->audiosocket);
			connection->audiosocket = NULL;
		}
		return 0;
	default:
		return 0;
	}
}

/*
 * The first one is for clients that ask for no subprotocol, and for HTTP; "convai" is what the vendor's own clients ask
 * for.
 */
static const struct lws_protocols websocket_protocols[] = {
	{.name = "http", .callback = serve_websocket, .per_session_data_size = sizeof(struct connection),
		.rx_buffer_size = READ_SIZE, .tx_packet_size = WRITE_SIZE},
	{.name = "convai", .callback = serve_websocket, .per_session_data_size = sizeof(struct connection),
		.rx_buffer_size = READ_SIZE, .tx_packet_size = WRITE_SIZE},
	{.name = "media", .callback = serve_websocket, .per_session_data_size = sizeof(struct connection),
		.rx_buffer_size = READ_SIZE, .tx_packet_size = WRITE_SIZE},
	{.name = NULL},
};

static const struct lws_protocols audiosocket_protocols[] = {
	{.name = "audiosocket", .callback = serve_audiosocket, .per_session_data_size = sizeof(struct connection),
		.rx_buffer_size = READ_SIZE, .tx_packet_size = WRITE_SIZE},
	{.name = NULL},
};

/* Returns the port, or -1 after a line on standard error. */
static int listen_on(struct lws_context_creation_info *info, const char *name)
{
	struct lws_vhost *vhost;
	int port;

	info->vhost_name = name;
	info->iface = host;
	info->retry_and_idle_policy = &no_idle_limit;
	if (!(vhost = lws_create_vhost(context, info)) || (port = lws_get_vhost_listen_port(vhost)) <= 0) {
		fprintf(stderr, "far_end: %s: cannot listen at %s\n", name, host);
		return -1;
	}
	return port;
}

static int listen_for_websockets(const char *certificate, const char *key)
{
	struct lws_context_creation_info info = {
		.protocols = websocket_protocols,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6,
		/* libwebsockets would offer HTTP/2 too, in which neither the module nor Asterisk speaks WebSocket. */
		.alpn = "http/1.1",
	};

	if (certificate) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = certificate;
		info.ssl_private_key_filepath = key;
	}
	return listen_on(&info, certificate ? "WebSocket with TLS" : "WebSocket");
}

static int listen_for_audiosocket(void)
{
	struct lws_context_creation_info info = {
		.protocols = audiosocket_protocols,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG,
		.listen_accept_role = "raw-skt",
		.listen_accept_protocol = "audiosocket",
	};

	return listen_on(&info, "AudioSocket");
}

int server_open(uv_loop_t *loop, const char *address, const char *certificate, const char *key,
	struct server_ports *ports)
{
	void *loops[] = {loop};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.foreign_loops = loops,
		.pt_serv_buf_size = READ_SIZE,
		.retry_and_idle_policy = &no_idle_limit,
	};

	info.gid = (__typeof__(info.gid)) -1;
	info.uid = (__typeof__(info.uid)) -1;
	lws_set_log_level(LLL_ERR, lwsl_emit_stderr);
	host = address;
	if (!(context = lws_create_context(&info))) {
		fprintf(stderr, "far_end: libwebsockets could not be started on libuv\n");
		return -1;
	}
	ports->ws = listen_for_websockets(NULL, NULL);
	ports->wss = certificate ? listen_for_websockets(certificate, key) : -1;
	ports->audiosocket = listen_for_audiosocket();
	return ports->ws < 0 || ports->audiosocket < 0 || (certificate && ports->wss < 0) ? -1 : 0;
}

void server_close(void)
{
	if (context) {
		lws_context_destroy(context);
		context = NULL;
	}
}
