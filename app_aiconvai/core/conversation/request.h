/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a provider asks the host to open: an HTTP GET, or the WebSocket itself.
 */
#ifndef AIC_REQUEST_H
#define AIC_REQUEST_H

#include <stddef.h>

/* Most headers a provider adds to one request. */
#define AIC_REQUEST_HEADERS 4

enum aic_request_kind {
	AIC_REQUEST_HTTP_GET,
	AIC_REQUEST_WEBSOCKET,
};

struct aic_request {
	enum aic_request_kind kind;
	char *url;                /* owned; may hold a secret: show aic_url_origin() of it only */
	const char *subprotocol;  /* WebSocket only; static, NULL: none */
	struct {
		const char *name;  /* static, without the colon */
		char *value;       /* owned; may be a secret */
	} headers[AIC_REQUEST_HEADERS];
	size_t header_count;
	const char *ca_file; /* of the certificate authorities trusted for it, the agent's setting; NULL: the system's */
};

/* Makes it one for the WebSocket at `url`, which is copied. Returns 0, or -1 when memory is short. */
int aic_request_websocket(struct aic_request *request, const char *url);

/* Adds the header "Authorization: SCHEME SECRET"; none where there is no secret (NULL). Returns as below. */
int aic_request_authorize(struct aic_request *request, const char *scheme, const char *secret);

/* Returns 0, or -1 when memory is short or there are too many. */
int aic_request_add_header(struct aic_request *request, const char *name, const char *value);

/* Frees what the request owns and clears it. */
void aic_request_clear(struct aic_request *request);

#endif
