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

#include <stddef.h>

struct aic_provider;

struct aic_close_code {
	uint16_t code;
	enum aic_status status; /* once the conversation was active; before that it is UNAVAILABLE */
	bool retry;             /* before it was active: another attempt may succeed */
	const char *sentence;
};

struct aic_close_meaning {
	enum aic_status status;
	bool retry;
	char sentence[AIC_REASON_MAX];
};

/*
 * What a close code (0: the connection just broke) and the service's reason (may be empty) mean: what the provider's
 * table says, else what RFC 6455 section 7.4.1 and its registry say.
 */
void aic_close_code_explain(const struct aic_provider *provider, uint16_t code, const char *reason,
	struct aic_close_meaning *meaning);

#endif
