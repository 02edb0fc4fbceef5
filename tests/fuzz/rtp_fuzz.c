/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whatever comes as packets of RTP: what is read of one is within it, and what is taken for missing has its bound.
 */
#include "packet_order.h"
#include "rtp_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its own, so that a byte behind it is somebody else's. */
static void read_packet(struct aic_packet_order *order, const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length + !length);
	struct aic_rtp_packet packet;
	uint8_t header[AIC_RTP_HEADER];
	uint32_t missing_ms;

	if (!copy) {
		abort();
	}
	memcpy(copy, bytes, length);
	if (aic_rtp_read(copy, length, &packet)) {
		if (packet.payload < copy + AIC_RTP_HEADER || packet.payload + packet.length > copy + length) {
			abort();
		}
		if (aic_packet_order_take(order, packet.sequence, packet.timestamp / 8, (uint32_t) packet.length / 8,
			&missing_ms) && missing_ms > AIC_MISSING_MS_MAX) {
			abort();
		}
		/* What is written is what was read. */
		aic_rtp_put_header(header, &packet);
		if (header[1] != copy[1] || memcmp(header + 2, copy + 2, sizeof(header) - 2)) {
			abort();
		}
	}
	free(copy);
}

/* Packets, each behind a byte that says how long it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aic_packet_order order = {.known = false};

	while (size) {
		size_t length = data[0] < size - 1 ? data[0] : size - 1;

		read_packet(&order, data + 1, length);
		data += length + 1;
		size -= length + 1;
	}
	return 0;
}
