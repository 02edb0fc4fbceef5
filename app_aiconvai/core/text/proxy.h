/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * An HTTP proxy through which a service is reached: http://[user:password@]host[:port].
 */
#ifndef AIC_PROXY_H
#define AIC_PROXY_H

#include "url.h"

/* Longest user and password, with the colon between them. */
#define AIC_PROXY_CREDENTIALS_MAX 95

struct aic_proxy {
	struct aic_url url; /* its host and port */
	char credentials[AIC_PROXY_CREDENTIALS_MAX + 1]; /* USER:PASSWORD, a secret; empty: none */
};

/* Returns 0, or -1 for what is of another form. */
int aic_proxy_parse(const char *text, struct aic_proxy *proxy);

#endif
