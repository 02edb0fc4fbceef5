/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Who may connect, or send: ranges of addresses, and one of them.
 */
#ifndef AIC_PEERS_H
#define AIC_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr_storage;

#define AIC_NETWORKS_MAX 64

/* A range: of IPv4 as IPv6 has it (::ffff:0:0/96). */
struct aic_network {
	uint8_t address[16];
	unsigned int prefix; /* bits, 0 to 128 */
};

struct aic_peers {
	struct aic_network networks[AIC_NETWORKS_MAX];
	size_t count;
};

bool aic_peers_have(const struct aic_peers *peers, const struct sockaddr_storage *peer);

/* Whether two addresses are one, whichever family they are told in; and whether their ports are. */
bool aic_peer_is(const struct sockaddr_storage *peer, const struct sockaddr_storage *other);
bool aic_peer_has_port_of(const struct sockaddr_storage *peer, const struct sockaddr_storage *other);

#endif
