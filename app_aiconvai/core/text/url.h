/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The parts of a URL that a connection needs (RFC 3986, authority without user information).
 */
#ifndef AIC_URL_H
#define AIC_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_url {
	bool secure;     /* https or wss */
	char host[256];  /* without the brackets of an IPv6 address */
	uint16_t port;   /* the scheme's own where none is given */
	char authority[272]; /* host and port as they stood: the Host header */
	const char *path; /* path and query, points into the URL; may be empty, then it means "/" */
};

/* Returns 0, or -1 for what is not an http, https, ws or wss URL with a host, or holds blanks or control characters. */
int aic_url_parse(const char *text, struct aic_url *url);

/*
 * Returns `url` with "key=value" added to its query, value percent-encoded. Free with free(); NULL when memory is
 * short.
 */
char *aic_url_with_query(const char *url, const char *key, const char *value);

/*
 * Writes what may be shown of a URL whose path, query or user information may hold a secret: scheme, host and port;
 * nothing where it is no such URL. Returns `buffer`.
 */
const char *aic_url_origin(const char *url, char *buffer, size_t size);

#endif
