/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "peers.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static bool is_in(const struct aic_network *network, const uint8_t address[16])
{
	unsigned int whole = network->prefix / 8, rest = network->prefix % 8;
	unsigned int mask = 0xff00u >> rest & 0xff;

	return !memcmp(network->address, address, whole)
		&& (!rest || !((network->address[whole] ^ address[whole]) & mask));
}

/* An address as IPv6 has it. */
static void address_of(const struct sockaddr_storage *peer, uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (peer->ss_family == AF_INET) {
		memcpy(address, mapped, sizeof(mapped));
		memcpy(address + 12, &((const struct sockaddr_in *) peer)->sin_addr, 4);
	} else {
		memcpy(address, &((const struct sockaddr_in6 *) peer)->sin6_addr, 16);
	}
}

static in_port_t port_of(const struct sockaddr_storage *peer)
{
	return peer->ss_family == AF_INET ? ((const struct sockaddr_in *) peer)->sin_port
		: ((const struct sockaddr_in6 *) peer)->sin6_port;
}

bool aic_peer_has_port_of(const struct sockaddr_storage *peer, const struct sockaddr_storage *other)
{
	return port_of(peer) == port_of(other);
}

bool aic_peer_is(const struct sockaddr_storage *peer, const struct sockaddr_storage *other)
{
	uint8_t address[16], other_address[16];

	address_of(peer, address);
	address_of(other, other_address);
	return aic_peer_has_port_of(peer, other) && !memcmp(address, other_address, sizeof(address));
}

bool aic_peers_have(const struct aic_peers *peers, const struct sockaddr_storage *peer)
{
	uint8_t address[16];

	address_of(peer, address);
	for (size_t i = 0; i < peers->count; i++) {
		if (is_in(&peers->networks[i], address)) {
			return true;
		}
	}
	return false;
}
