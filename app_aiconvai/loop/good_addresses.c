/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "good_addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 8305 section 4: so long what was learned of the network is likely to hold. */
#define KEPT_SECONDS 600

static struct aic_good_address *find(struct aic_good_addresses *good, const char *host)
{
	for (size_t i = 0; i < AIC_GOOD_ADDRESSES_MAX; i++) {
		if (good->entries[i].host && !strcasecmp(good->entries[i].host, host)) {
			return &good->entries[i];
		}
	}
	return NULL;
}

/* A place for another name: one that is free, or the oldest's. */
static struct aic_good_address *find_room(struct aic_good_addresses *good)
{
	struct aic_good_address *room = &good->entries[0];

	for (size_t i = 1; i < AIC_GOOD_ADDRESSES_MAX && room->host; i++) {
		if (!good->entries[i].host || good->entries[i].until < room->until) {
			room = &good->entries[i];
		}
	}
	return room;
}

void aic_good_addresses_remember(struct aic_good_addresses *good, const char *host, const char *address, time_t now)
{
	struct aic_good_address *entry = find(good, host);

	if (!entry) {
		char *copy = strdup(host);

		if (!copy) {
			return;
		}
		entry = find_room(good);
		free(entry->host);
		entry->host = copy;
	}
	entry->until = now + KEPT_SECONDS;
	snprintf(entry->address, sizeof(entry->address), "%s", address);
}

void aic_good_addresses_forget(struct aic_good_addresses *good, const char *host, const char *address)
{
	struct aic_good_address *entry = find(good, host);

	if (entry && !strcmp(entry->address, address)) {
		free(entry->host);
		entry->host = NULL;
	}
}

void aic_good_addresses_put_first(const struct aic_good_addresses *good, const char *host,
	struct aic_resolution *resolution, time_t now)
{
	const struct aic_good_address *entry = find((struct aic_good_addresses *) good, host);
	size_t at = 0;

	if (!entry || entry->until <= now) {
		return;
	}
	while (at < resolution->count && strcmp(resolution->addresses[at], entry->address)) {
		at++;
	}
	if (at && at < resolution->count) {
		memmove(resolution->addresses + 1, resolution->addresses, at * sizeof(resolution->addresses[0]));
		memcpy(resolution->addresses[0], entry->address, sizeof(resolution->addresses[0]));
	}
}

void aic_good_addresses_free(struct aic_good_addresses *good)
{
	for (size_t i = 0; i < AIC_GOOD_ADDRESSES_MAX; i++) {
		free(good->entries[i].host);
	}
}
