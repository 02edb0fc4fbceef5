/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The request for a signed URL: HTTP GET of SIGNED_URL_PATH.
 */
#ifndef FAR_END_SIGNED_URL_H
#define FAR_END_SIGNED_URL_H

#include <libwebsockets.h>

#define CONVERSATION_PATH "/v1/convai/conversation"
#define SIGNED_URL_PATH CONVERSATION_PATH "/get-signed-url"

/* Answers the request for `path`, whatever it is. Returns 0, or -1 when the connection is lost. */
int signed_url_answer(struct lws *wsi, const char *path);

#endif
