/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "proxy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SCHEME "http://"

int aic_proxy_parse(const char *text, struct aic_proxy *proxy)
{
	char url[sizeof(SCHEME) + sizeof(proxy->url.authority)];
	const char *rest, *at;
	size_t length;

	proxy->credentials[0] = '\0';
	if (strncasecmp(text, SCHEME, strlen(SCHEME))) {
		return -1;
	}
	rest = text + strlen(SCHEME);
	/* A password may have one in it, a host may not. */
	if ((at = strrchr(rest, '@'))) {
		length = (size_t) (at - rest);
		if (length > AIC_PROXY_CREDENTIALS_MAX || !memchr(rest, ':', length)) {
			return -1;
		}
		memcpy(proxy->credentials, rest, length);
		proxy->credentials[length] = '\0';
		rest = at + 1;
	}
	if (snprintf(url, sizeof(url), SCHEME "%s", rest) >= (int) sizeof(url) || aic_url_parse(url, &proxy->url)) {
		return -1;
	}
	/* It points into what is gone in a moment. */
	length = strlen(proxy->url.path);
	proxy->url.path = "";
	return length > 1 ? -1 : 0;
}
