/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Which of a name's addresses answered where the first of them did not: it goes first for a while, so that only one
 * call waits for one that swallows packets. For a while only, because the first may be well again, and is the one that
 * the system prefers. Not thread-safe: it belongs to a resolver.
 */
#ifndef AIC_GOOD_ADDRESSES_H
#define AIC_GOOD_ADDRESSES_H

#include "resolver.h"

#include <time.h>

/* Names of which that is known; of more the oldest are forgotten. */
#define AIC_GOOD_ADDRESSES_MAX 16

struct aic_good_addresses {
	struct aic_good_address {
		char *host; /* owned, NULL: free */
		time_t until;
		char address[AIC_ADDRESS_LENGTH];
	} entries[AIC_GOOD_ADDRESSES_MAX];
};

/* That address of `host` answered. Times are seconds of any clock that only goes forward. */
void aic_good_addresses_remember(struct aic_good_addresses *good, const char *host, const char *address, time_t now);

/* It did not. */
void aic_good_addresses_forget(struct aic_good_addresses *good, const char *host, const char *address);

/* Moves the address that is known to be good to the front, if it is among them. */
void aic_good_addresses_put_first(const struct aic_good_addresses *good, const char *host,
	struct aic_resolution *resolution, time_t now);

void aic_good_addresses_free(struct aic_good_addresses *good);

#endif
