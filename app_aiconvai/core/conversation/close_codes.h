/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the closing of the WebSocket by a service means: a provider has a table of the codes that mean something of its
 * own.
 */
#ifndef AIC_CLOSE_CODES_H
#define AIC_CLOSE_CODES_H

#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_provider;

struct aic_close_code {
	uint16_t code;
	const char *reason;     /* only where the service's reason has this in it; NULL: with any */
	enum aic_status status; /* once the conversation was active; before that it is UNAVAILABLE, or BUSY */
	bool busy;              /* before it was active: the service is well, and has no room: BUSY */
	bool retry;             /* before it was active: another attempt may succeed */
	bool reopen;            /* once it was: another connection may go on */
	const char *sentence;
	const char *advice; /* what to check, before it was active: what worked a minute ago is right. NULL: nothing */
};

struct aic_close_meaning {
	enum aic_status status;
	bool busy, retry, reopen;
	char sentence[AIC_REASON_MAX];
};

/* How a connection was closed. */
struct aic_close {
	uint16_t code;      /* 0: it just broke */
	const char *reason; /* the service's; may be empty */
	bool reason_is_said; /* the sentence need not say it again */
	bool was_active;    /* the conversation */
};

/*
 * What that means: what the first row of the provider's table says that fits, else what RFC 6455 section 7.4.1 and its
 * registry say.
 */
void aic_close_code_explain(const struct aic_provider *provider, const struct aic_close *close,
	struct aic_close_meaning *meaning);

#endif
