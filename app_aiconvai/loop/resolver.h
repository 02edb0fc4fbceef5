/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Names to addresses, on threads of its own: libwebsockets resolves with getaddrinfo() on its service thread, where a
 * slow name server would stop the audio of every call. Answers are kept for a short while, a name that is being looked
 * up is not looked up twice, and a name whose server does not answer holds up at most one of the threads.
 */
#ifndef AIC_RESOLVER_H
#define AIC_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Starts the threads. Returns NULL when that fails. */
struct aic_resolver *aic_resolver_new(void);

/* Stops the threads; what was still asked is answered with a failure before this returns. */
void aic_resolver_free(struct aic_resolver *resolver);

/*
 * Whether the addresses of `host` are known without asking: a number, or a name asked for a moment ago. Any thread;
 * does not wait for a name server.
 */
bool aic_resolver_known(struct aic_resolver *resolver, const char *host, struct aic_resolution *resolution);

/*
 * Asks for the addresses of `host`. `answer` is called once, unless it is cancelled: at once, from inside this call,
 * for a numeric address, a name asked for a moment ago, and when memory is short; otherwise on a thread of the
 * resolver. It must not block, nor call the resolver. Returns what aic_resolver_cancel() takes. Any thread may ask.
 */
uint64_t aic_resolver_ask(struct aic_resolver *resolver, const char *host,
	void (*answer)(void *arg, const struct aic_resolution *resolution), void *arg);

/*
 * One of the addresses of `host`, not the first of those given, answered: it is given first for a while. It did not: it
 * is not. Any thread.
 */
void aic_resolver_remember(struct aic_resolver *resolver, const char *host, const char *address);
void aic_resolver_forget(struct aic_resolver *resolver, const char *host, const char *address);

/*
 * Returns true where the question will not be answered any more; false where it has been, or is being, answered. Any
 * thread.
 */
bool aic_resolver_cancel(struct aic_resolver *resolver, uint64_t question);

#endif
