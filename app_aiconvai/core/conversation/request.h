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

/* The PEM files of a TLS connection, the agent's settings. */
struct aic_tls_files {
	const char *ca;          /* of the certificate authorities trusted; NULL: the system's */
	const char *certificate; /* by which we are known, and those between it and its authority; NULL: by none */
	const char *key;         /* the private one of it; NULL: in the same file */
};

struct aic_request {
	enum aic_request_kind kind;
	char *url;                /* owned; may hold a secret: show aic_url_origin() of it only */
	const char *subprotocol;  /* WebSocket only; static, NULL: none */
	struct {
		const char *name;  /* not owned, without the colon */
		char *value;       /* owned; may be a secret */
	} headers[AIC_REQUEST_HEADERS];
	size_t header_count;
	/* through which it is reached, the agent's setting (proxy.h), which may hold a secret; NULL: none */
	const char *proxy;
	struct aic_tls_files tls_files;
};

/* Makes it one for the WebSocket at `url`, which is copied. Returns 0, or -1 when memory is short. */
int aic_request_websocket(struct aic_request *request, const char *url);

/* Adds the header "Authorization: SCHEME SECRET"; none where there is no secret (NULL). Returns as below. */
int aic_request_authorize(struct aic_request *request, const char *scheme, const char *secret);

/*
 * Adds the service's key, where there is one: in Authorization as a bearer token, in any other header by itself.
 * Returns as below. `header` is as long-lived as the request.
 */
int aic_request_add_key(struct aic_request *request, const char *header, const char *key);

/* Returns 0, or -1 when memory is short or there are too many. */
int aic_request_add_header(struct aic_request *request, const char *name, const char *value);

/* Frees what the request owns and clears it. */
void aic_request_clear(struct aic_request *request);

#endif
