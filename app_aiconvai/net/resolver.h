/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Names to addresses, on a thread of its own: libwebsockets resolves with getaddrinfo() on its service thread, where a slow
 * name server would stop the audio of every call. Answers are kept for a short while, so that a burst of calls asks once.
 */
#ifndef AIC_RESOLVER_H
#define AIC_RESOLVER_H

#include <stddef.h>

/* Addresses kept of one name. */
#define AIC_RESOLVER_ADDRESSES 8

/* Long enough for an IPv6 address with a zone. */
#define AIC_ADDRESS_LENGTH 64

struct aic_resolution {
	char addresses[AIC_RESOLVER_ADDRESSES][AIC_ADDRESS_LENGTH]; /* numeric, in the order to try them */
	size_t count;     /* 0: failed */
	char error[128];  /* why */
};

struct aic_resolver;

/* Starts the thread. Returns NULL when that fails. */
struct aic_resolver *aic_resolver_new(void);

/* Stops the thread; what was still asked is answered with a failure before this returns. */
void aic_resolver_free(struct aic_resolver *resolver);

/*
 * Asks for the addresses of `host` (a name or a numeric address). `answer` is called exactly once, on the resolver's thread, or
 * before this returns when memory is short; it must not block. Any thread may ask.
 */
void aic_resolver_ask(struct aic_resolver *resolver, const char *host, void (*answer)(void *arg, const struct aic_resolution *resolution), void *arg);

#endif
