/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "rtp_line.h"

#include "container_of.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

/* The longest that is read: 200 ms of G.711 and a header. What is longer is cut, and so no packet of ours. */
#define PACKET_MAX 2048

/* Bytes of a packet for a millisecond, and counts of its clock. */
#define PER_MS (AIC_RTP_CLOCK / 1000)

/* Most of a packet that is decoded at once: 20 ms. */
#define DECODED_AT_ONCE (PER_MS * AIC_FRAME_MS)

/* Packets read in a round of the loop; more wait for the next one. */
#define PACKETS_A_ROUND 8

static struct aic_rtp_line *line_of(struct aic_line *base)
{
	return AIC_CONTAINER_OF(base, struct aic_rtp_line, line);
}

static void end(struct aic_line *base, const char *why)
{
	struct aic_rtp_line *line = line_of(base);
	int fd = line->watch.fd;

	if (fd < 0) {
		return;
	}
	aic_event_loop_unwatch_fd(line->loop, &line->watch);
	line->watch.fd = -1;
	close(fd);
	line->owner->over(line->user, why);
}

/* --- to Asterisk --- */

/* Where nothing was sent for a while, the times of what follows tell so. */
static bool skip_pause(struct aic_rtp_line *line, uint64_t now_us)
{
	uint64_t pause_us = line->sent_until_us < now_us ? now_us - line->sent_until_us : 0;
	bool is_first = !line->sent_until_us;

	if (is_first || pause_us > AIC_FRAME_US) {
		line->timestamp += is_first ? 0 : (uint32_t) (pause_us * AIC_RTP_CLOCK / 1000000);
		line->sent_until_us = now_us;
		return true;
	}
	return false;
}

static enum aic_line_written write_frame(struct aic_line *base, uint8_t *frame, size_t bytes)
{
	struct aic_rtp_line *line = line_of(base);
	struct aic_rtp_packet packet = {.payload_type = (uint8_t) line->codec, .ssrc = line->own_source};
	uint8_t coded[AIC_RTP_HEADER + DECODED_AT_ONCE], *payload = frame;

	if (line->watch.fd < 0) {
		return AIC_LINE_WRITTEN;
	}
	if (line->g722) {
		payload = coded + AIC_RTP_HEADER;
		bytes = aic_g722_encode(line->g722, frame, bytes, payload);
	}
	packet.marker = skip_pause(line, aic_now_us());
	packet.sequence = line->sequence;
	packet.timestamp = line->timestamp;
	aic_rtp_put_header(payload - AIC_RTP_HEADER, &packet);
	line->sequence++;
	line->timestamp += (uint32_t) bytes;
	line->sent_until_us += AIC_FRAME_US;
	if (line->peer.ss_family && sendto(line->watch.fd, payload - AIC_RTP_HEADER, bytes + AIC_RTP_HEADER,
		MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &line->peer, line->peer_length) >= 0) {
		line->figures.frames_written++;
	} else {
		/* Nobody is there yet, or not any more: what was heard would be in the past later. */
		line->figures.frames_lost++;
	}
	return AIC_LINE_WRITTEN;
}

static const struct aic_line_kind rtp_kind = {
	.name = "RTP",
	.write = write_frame,
	.write_idle = write_frame,
};

/* --- from Asterisk --- */

static void hand_silence(struct aic_rtp_line *line, uint32_t missing_ms)
{
	uint8_t silence[DECODED_AT_ONCE * AIC_G722_RATIO];

	memset(silence, aic_silence_byte(line->format.encoding), sizeof(silence));
	line->figures.frames_lost += missing_ms / AIC_FRAME_MS;
	/* Whoever is told may close the line. */
	while (missing_ms && line->watch.fd >= 0) {
		uint32_t some_ms = missing_ms < AIC_FRAME_MS ? missing_ms : AIC_FRAME_MS;

		line->owner->audio(line->user, silence, aic_format_bytes(line->format, some_ms));
		missing_ms -= some_ms;
	}
}

static void hand_over(struct aic_rtp_line *line, const uint8_t *bytes, size_t length)
{
	uint8_t linear[DECODED_AT_ONCE * AIC_G722_RATIO];

	if (!line->g722) {
		line->owner->audio(line->user, bytes, length);
		return;
	}
	while (length && line->watch.fd >= 0) {
		size_t some = length < DECODED_AT_ONCE ? length : DECODED_AT_ONCE;

		line->owner->audio(line->user, linear, aic_g722_decode(line->g722, bytes, some, linear));
		bytes += some;
		length -= some;
	}
}

static void take_packet(struct aic_rtp_line *line, const struct aic_rtp_packet *packet)
{
	uint32_t missing_ms;

	if (packet->payload_type != line->codec || !packet->length) {
		/* Comfort noise, and what else nobody asked for. */
		return;
	}
	if (!line->has_source || packet->ssrc != line->source) {
		aic_packet_order_forget(&line->order);
		line->has_source = true;
		line->source = packet->ssrc;
	}
	if (!aic_packet_order_take(&line->order, packet->sequence, packet->timestamp / PER_MS,
		(uint32_t) packet->length / PER_MS, &missing_ms)) {
		return;
	}
	line->figures.frames_received++;
	if (line->settled && missing_ms) {
		hand_silence(line, missing_ms);
	}
	if (line->settled) {
		hand_over(line, packet->payload, packet->length);
	}
}

/*
 * Whether it comes from the one that is spoken to. A port may have been another call's a moment ago, whose Asterisk
 * still sends. One that is told by name may have several addresses; who told himself has the one that he sent from.
 */
static bool is_from_peer(const struct aic_rtp_line *line, const struct sockaddr_storage *source)
{
	if (!line->peer.ss_family) {
		return true;
	}
	return line->peer_is_told ? aic_peer_has_port_of(source, &line->peer) : aic_peer_is(source, &line->peer);
}

/* Returns false where nothing more is there. */
static bool read_packet(struct aic_rtp_line *line)
{
	uint8_t bytes[PACKET_MAX];
	struct sockaddr_storage source = {0};
	socklen_t length = sizeof(source);
	struct aic_rtp_packet packet;
	ssize_t read = recvfrom(line->watch.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC,
		(struct sockaddr *) &source, &length);

	if (read < 0) {
		/* That a peer's port is closed is told so, too; the call's end is told elsewhere. */
		return errno == ECONNREFUSED || errno == EINTR;
	}
	if ((size_t) read > sizeof(bytes) || !aic_peers_have(&line->peers, &source) || !is_from_peer(line, &source)
		|| !aic_rtp_read(bytes, (size_t) read, &packet)) {
		line->figures.frames_refused++;
		return true;
	}
	if (!line->peer.ss_family) {
		line->peer = source;
		line->peer_length = length;
	}
	take_packet(line, &packet);
	return true;
}

static void on_ready(struct aic_watch *watch, uint32_t events)
{
	struct aic_rtp_line *line = AIC_CONTAINER_OF(watch, struct aic_rtp_line, watch);

	(void) events;
	for (int i = 0; i < PACKETS_A_ROUND && line->watch.fd >= 0 && read_packet(line); i++) {
	}
}

/* --- its life --- */

static struct aic_audio_format format_of(enum aic_rtp_payload_type codec)
{
	switch (codec) {
	case AIC_RTP_G722:
		return (struct aic_audio_format) {AIC_ENCODING_PCM16, AIC_G722_RATE};
	case AIC_RTP_ALAW:
		return (struct aic_audio_format) {AIC_ENCODING_ALAW, AIC_RTP_CLOCK};
	case AIC_RTP_ULAW:
	case AIC_RTP_COMFORT_NOISE:
		break;
	}
	return (struct aic_audio_format) {AIC_ENCODING_ULAW, AIC_RTP_CLOCK};
}

int aic_rtp_line_open(struct aic_rtp_line *line, struct aic_event_loop *loop, int fd, enum aic_rtp_payload_type codec,
	const struct aic_peers *peers, const struct aic_door_owner *owner, void *user)
{
	uint32_t any[3];

	line->line.kind = &rtp_kind;
	line->loop = loop;
	line->owner = owner;
	line->user = user;
	line->codec = codec;
	line->format = format_of(codec);
	line->peers = *peers;
	line->watch = (struct aic_watch) {.ready = on_ready, .fd = fd};
	/* RFC 3550 section 5.1: all three begin anywhere. */
	if ((codec == AIC_RTP_G722 && !(line->g722 = aic_g722_new())) || getrandom(any, sizeof(any), 0) != sizeof(any)
		|| aic_event_loop_watch_fd(loop, &line->watch, fd, EPOLLIN)) {
		line->watch.fd = -1;
		close(fd);
		return -1;
	}
	line->sequence = (uint16_t) any[0];
	line->timestamp = any[1];
	line->own_source = any[2];
	return 0;
}

void aic_rtp_line_set_peer(struct aic_rtp_line *line, const struct sockaddr_storage *peer, socklen_t length)
{
	line->peer = *peer;
	line->peer_length = length;
	line->peer_is_told = true;
}

static struct aic_audio_format settle(struct aic_line *base)
{
	struct aic_rtp_line *line = line_of(base);

	line->settled = true;
	return line->format;
}

static void terminate(struct aic_line *base)
{
	end(base, "it was ended here");
}

static struct aic_door_figures figures(const struct aic_line *base)
{
	return AIC_CONTAINER_OF(base, struct aic_rtp_line, line)->figures;
}

static void clear(struct aic_line *base)
{
	aic_g722_free(line_of(base)->g722);
}

const struct aic_door_kind aic_rtp_door = {
	.settle = settle,
	.terminate = terminate,
	.close = end,
	.figures = figures,
	.clear = clear,
};
