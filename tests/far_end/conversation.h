/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * One conversation with a service. A client that breaks the protocol is a violation, and its connection is closed as
 * the service would close it.
 */
#ifndef FAR_END_CONVERSATION_H
#define FAR_END_CONVERSATION_H

#include "services/service.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;

/* Begins when the WebSocket is open. Returns NULL when memory is short. */
struct conversation *conversation_new(struct lws *wsi, const struct service *service, const char *agent_name);

/* One fragment of a message. Returns 0, or -1 when the connection is to be closed. */
int conversation_receive(struct conversation *conversation, const char *bytes, size_t length);

/* The socket takes data again. Returns 0, or -1 when the connection is to be closed. */
int conversation_writable(struct conversation *conversation);

/* The client closes: `payload` is that of its close frame. */
void conversation_peer_closes(struct conversation *conversation, const uint8_t *payload, size_t length);

/* The connection is gone: prints what the conversation counted. */
void conversation_free(struct conversation *conversation);

#endif
