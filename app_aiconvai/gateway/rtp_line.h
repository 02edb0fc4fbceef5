/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A session of RTP as a line: G.711 or G.722, 20 ms in a packet. What the service hears is as long as the time in which
 * it was said: what is missing is silence, what is late is left out (core/audio/packet_order.h). Sends from the socket
 * that receives, to whom it was told to, or else to whomever of those who may send the first packet came from; and
 * hears nobody else.
 */
#ifndef AIC_RTP_LINE_H
#define AIC_RTP_LINE_H

#include "door.h"
#include "event_loop.h"
#include "g722.h"
#include "packet_order.h"
#include "peers.h"
#include "rtp_packet.h"

#include <sys/socket.h>

struct aic_rtp_line {
	struct aic_line line; /* the first member */
	/* Never change after creation. */
	struct aic_event_loop *loop;
	const struct aic_door_owner *owner;
	void *user;
	struct aic_peers peers; /* who may send */
	enum aic_rtp_payload_type codec;
	struct aic_audio_format format;
	struct aic_g722 *g722; /* owned; NULL: the line's audio is the packets' */

	struct aic_watch watch; /* its fd is -1 once the line is over */
	bool settled;           /* somebody listens */
	struct sockaddr_storage peer; /* its family is 0 until it is known */
	socklen_t peer_length;
	bool peer_is_told;
	uint32_t source; /* whose packets these are (SSRC) */
	bool has_source;
	struct aic_packet_order order;
	/* Of what is sent. */
	uint16_t sequence;
	uint32_t timestamp, own_source;
	uint64_t sent_until_us; /* the peer has audio until then; 0: nothing was sent */
	struct aic_door_figures figures;
};

extern const struct aic_door_kind aic_rtp_door;

/*
 * `line` begins as zeros. `fd`, a socket of UDP that is bound, is the line's from now on. `codec` is one of audio.
 * Returns 0, or -1 where that fails.
 */
int aic_rtp_line_open(struct aic_rtp_line *line, struct aic_event_loop *loop, int fd, enum aic_rtp_payload_type codec,
	const struct aic_peers *peers, const struct aic_door_owner *owner, void *user);

/* Where it sends to; packets from other ports are refused from then on. */
void aic_rtp_line_set_peer(struct aic_rtp_line *line, const struct sockaddr_storage *peer, socklen_t length);

#endif
