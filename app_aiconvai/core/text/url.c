/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *prefix;
	bool secure;
} schemes[] = {
	{"https://", true},
	{"http://", false},
	{"wss://", true},
	{"ws://", false},
};

/* What stands behind the scheme, or NULL for a scheme that is none of ours. */
static const char *skip_scheme(const char *text, bool *secure)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i].prefix);

		if (!strncasecmp(text, schemes[i].prefix, length)) {
			*secure = schemes[i].secure;
			return text + length;
		}
	}
	return NULL;
}

int aic_url_parse(const char *text, struct aic_url *url)
{
	const char *authority = skip_scheme(text, &url->secure);
	const char *host, *host_end, *port = NULL;
	size_t authority_length;

	if (!authority) {
		return -1;
	}
	/* None of them belongs into a URL, and a line break would end the request line or the Host header. */
	for (const unsigned char *c = (const unsigned char *) text; *c; c++) {
		if (*c <= ' ' || *c == 0x7f) {
			return -1;
		}
	}
	authority_length = strcspn(authority, "/?#");
	if (!authority_length || authority_length >= sizeof(url->authority) || memchr(authority, '@', authority_length)) {
		return -1;
	}
	memcpy(url->authority, authority, authority_length);
	url->authority[authority_length] = '\0';
	url->path = authority + authority_length;

	if (url->authority[0] == '[') {
		host = url->authority + 1;
		if (!(host_end = strchr(host, ']')) || (host_end[1] && host_end[1] != ':')) {
			return -1;
		}
		port = host_end[1] ? host_end + 2 : NULL;
	} else {
		host = url->authority;
		host_end = host + strcspn(host, ":");
		port = *host_end ? host_end + 1 : NULL;
	}
	if (host_end == host || (size_t) (host_end - host) >= sizeof(url->host)) {
		return -1;
	}
	memcpy(url->host, host, (size_t) (host_end - host));
	url->host[host_end - host] = '\0';

	url->port = url->secure ? 443 : 80;
	if (port) {
		char *end;
		unsigned long number = strtoul(port, &end, 10);

		if (!isdigit((unsigned char) *port) || *end || !number || number > 65535) {
			return -1;
		}
		url->port = (uint16_t) number;
	}
	return 0;
}

char *aic_url_with_query(const char *url, const char *key, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";
	char *result = malloc(strlen(url) + strlen(key) + strlen(value) * 3 + 3);
	char *to;

	if (!result) {
		return NULL;
	}
	to = result + sprintf(result, "%s%c%s=", url, strchr(url, '?') ? '&' : '?', key);
	for (const unsigned char *c = (const unsigned char *) value; *c; c++) {
		/* RFC 3986 section 2.3: what needs no encoding anywhere. */
		if (isalnum(*c) || strchr("-._~", *c)) {
			*to++ = (char) *c;
		} else {
			*to++ = '%';
			*to++ = hex[*c >> 4];
			*to++ = hex[*c & 15];
		}
	}
	*to = '\0';
	return result;
}

const char *aic_url_origin(const char *url, char *buffer, size_t size)
{
	bool secure;
	const char *authority = skip_scheme(url, &secure);
	const char *host = authority, *end, *at;

	if (!authority) {
		snprintf(buffer, size, "%s", "");
		return buffer;
	}
	end = authority + strcspn(authority, "/?#");
	/* User information, up to the last @, may be a password. */
	while ((at = memchr(host, '@', (size_t) (end - host)))) {
		host = at + 1;
	}
	snprintf(buffer, size, "%.*s%.*s", (int) (authority - url), url, (int) (end - host), host);
	return buffer;
}
