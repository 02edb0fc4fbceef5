/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "rtp_packet.h"

#define VERSION 2
#define PADDING 0x20
#define EXTENSION 0x10
#define MARKER 0x80

static uint32_t read_32(const uint8_t *bytes)
{
	return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

static void write_32(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t) (value >> 24);
	bytes[1] = (uint8_t) (value >> 16);
	bytes[2] = (uint8_t) (value >> 8);
	bytes[3] = (uint8_t) value;
}

bool aic_rtp_read(const uint8_t *bytes, size_t length, struct aic_rtp_packet *packet)
{
	size_t header = AIC_RTP_HEADER, end = length;

	if (length < AIC_RTP_HEADER || bytes[0] >> 6 != VERSION) {
		return false;
	}
	/* The contributing sources. */
	header += (size_t) (bytes[0] & 0x0f) * 4;
	if (bytes[0] & EXTENSION) {
		if (length < header + 4) {
			return false;
		}
		header += 4 + ((size_t) bytes[header + 2] << 8 | bytes[header + 3]) * 4;
	}
	if (bytes[0] & PADDING) {
		/* Its last byte says how long it is, itself included. */
		if (!bytes[length - 1] || bytes[length - 1] > length) {
			return false;
		}
		end -= bytes[length - 1];
	}
	if (header > end) {
		return false;
	}
	*packet = (struct aic_rtp_packet) {
		.payload_type = bytes[1] & 0x7f,
		.marker = bytes[1] & MARKER,
		.sequence = (uint16_t) (bytes[2] << 8 | bytes[3]),
		.timestamp = read_32(bytes + 4),
		.ssrc = read_32(bytes + 8),
		.payload = bytes + header,
		.length = end - header,
	};
	return true;
}

void aic_rtp_put_header(uint8_t header[AIC_RTP_HEADER], const struct aic_rtp_packet *packet)
{
	header[0] = VERSION << 6;
	header[1] = (uint8_t) (packet->payload_type | (packet->marker ? MARKER : 0));
	header[2] = (uint8_t) (packet->sequence >> 8);
	header[3] = (uint8_t) packet->sequence;
	write_32(header + 4, packet->timestamp);
	write_32(header + 8, packet->ssrc);
}
