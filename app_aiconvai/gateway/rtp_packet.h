/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Packets of RTP (RFC 3550 section 5.1, payload types RFC 3551 section 6). Without a socket.
 */
#ifndef AIC_RTP_PACKET_H
#define AIC_RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIC_RTP_HEADER 12

/* Of G.711 and G.722: counts a second of the time stamps, and bytes too (RFC 3551 sections 4.5.2 and 4.5.14). */
#define AIC_RTP_CLOCK 8000

enum aic_rtp_payload_type {
	AIC_RTP_ULAW = 0,
	AIC_RTP_ALAW = 8,
	AIC_RTP_G722 = 9,
	AIC_RTP_COMFORT_NOISE = 13,
};

struct aic_rtp_packet {
	uint8_t payload_type;
	bool marker;
	uint16_t sequence;
	uint32_t timestamp;
	uint32_t ssrc;
	const uint8_t *payload; /* in the packet that was read */
	size_t length;
};

/* Returns whether it is one. */
bool aic_rtp_read(const uint8_t *bytes, size_t length, struct aic_rtp_packet *packet);

/* Writes the header of a packet, in front of its payload. */
void aic_rtp_put_header(uint8_t header[AIC_RTP_HEADER], const struct aic_rtp_packet *packet);

#endif
