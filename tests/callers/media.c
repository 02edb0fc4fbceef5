/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "media.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD_BYTES 160
#define HEADER_BYTES 12
#define VERSION_BYTE 0x80
#define MARKER 0x80

/* Ten minutes: a limit that only the wrong file exceeds. */
#define SPEECH_MAX (600u * 8000)

/* Packets that are read at once: at most two come while one leaves. */
#define READ_AT_ONCE 4
#define READ_BYTES 1500

#define PORT_ATTEMPTS 100

struct media_totals media_all, media_since_mark;

static uint8_t *speech;
static size_t speech_length;

int media_load_speech(const char *path)
{
	FILE *file = fopen(path, "rb");
	const char *problem = NULL;

	if (!file) {
		fprintf(stderr, "callers: --speech %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (!(speech = malloc(SPEECH_MAX + 1))) {
		problem = "out of memory";
	} else {
		speech_length = fread(speech, 1, SPEECH_MAX + 1, file);
		problem = ferror(file) ? "it cannot be read"
			: speech_length > SPEECH_MAX ? "more than ten minutes; expected raw mu-law"
			: speech_length < PAYLOAD_BYTES ? "less than 20 ms; expected raw mu-law" : NULL;
	}
	fclose(file);
	if (problem) {
		fprintf(stderr, "callers: --speech %s: %s\n", path, problem);
		media_free_speech();
		return -1;
	}
	return 0;
}

void media_free_speech(void)
{
	free(speech);
	speech = NULL;
	speech_length = 0;
}

/* Returns the socket, or -1. `port`: in host order; 0: any, which is then told there. */
static int open_at(const struct in_addr *address, in_port_t *port)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = *address, .sin_port = htons(*port)};
	socklen_t size = sizeof(own);
	int opened = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (opened < 0) {
		return -1;
	}
	if (bind(opened, (const struct sockaddr *) &own, sizeof(own))
		|| getsockname(opened, (struct sockaddr *) &own, &size)
		|| setsockopt(opened, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on))) {
		int failure = errno;

		close(opened);
		errno = failure;
		return -1;
	}
	*port = ntohs(own.sin_port);
	return opened;
}

static int open_pair(struct media *media, const struct in_addr *address)
{
	for (int i = 0; i < PORT_ATTEMPTS; i++) {
		in_port_t port = 0, next;
		int rtp = open_at(address, &port), rtcp;

		if (rtp < 0) {
			return -1;
		}
		/* RTP has the even one. */
		next = (in_port_t) (port + 1);
		rtcp = port % 2 ? -1 : open_at(address, &next);
		if (rtcp >= 0) {
			media->rtp = rtp;
			media->rtcp = rtcp;
			media->port = port;
			return 0;
		}
		close(rtp);
	}
	errno = EADDRINUSE;
	return -1;
}

int media_open(struct media *media, const struct in_addr *address, struct seeded *random)
{
	media->phase_us = seeded_below(random, PACKET_US);
	media->sequence = (uint16_t) seeded_next(random);
	media->timestamp = (uint32_t) seeded_next(random);
	media->ssrc = (uint32_t) seeded_next(random);
	media->position = seeded_below(random, speech_length);
	return open_pair(media, address);
}

static void put_16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t) (value >> 8);
	at[1] = (uint8_t) value;
}

static void put_32(uint8_t *at, uint32_t value)
{
	put_16(at, (uint16_t) (value >> 16));
	put_16(at + 2, (uint16_t) value);
}

static uint32_t get_32(const uint8_t *at)
{
	return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static void take_speech(struct media *media, uint8_t *to)
{
	size_t first = speech_length - media->position;

	first = first < PAYLOAD_BYTES ? first : PAYLOAD_BYTES;
	memcpy(to, speech + media->position, first);
	memcpy(to + first, speech, PAYLOAD_BYTES - first);
	media->position = (media->position + PAYLOAD_BYTES) % speech_length;
}

static void send_packet(struct media *media)
{
	uint8_t packet[HEADER_BYTES + PAYLOAD_BYTES] = {VERSION_BYTE, media->sent ? 0 : MARKER};

	put_16(packet + 2, media->sequence++);
	put_32(packet + 4, media->timestamp);
	put_32(packet + 8, media->ssrc);
	media->timestamp += PAYLOAD_BYTES;
	take_speech(media, packet + HEADER_BYTES);
	media->sent++;
	media->sent_since_mark++;
	media_all.sent++;
	media_since_mark.sent++;
	/* An earlier one may have been told by ICMP that nobody is there: the next one is sent all the same. */
	if (send(media->rtp, packet, sizeof(packet), 0) < 0) {
		media_all.refused++;
		media_since_mark.refused++;
	}
}

static void on_time(void *arg)
{
	struct media *media = arg;
	uint64_t due_us = media->timer.due_us, late_us = now_us() - due_us;

	spread_add(&media_all.lateness, late_us);
	spread_add(&media_since_mark.lateness, late_us);
	send_packet(media);
	media_listen(media);
	timer_start(&media->timer, due_us + PACKET_US);
}

int media_start(struct media *media, const struct sockaddr_in *peer, uint64_t epoch_us)
{
	uint64_t now = now_us();

	if (connect(media->rtp, (const struct sockaddr *) peer, sizeof(*peer))) {
		return -1;
	}
	media->timer.run = on_time;
	media->timer.arg = media;
	timer_start(&media->timer, now + PACKET_US - (now - epoch_us + PACKET_US - media->phase_us) % PACKET_US);
	return 0;
}

static void add_gap(struct media *media, uint64_t arrived_us)
{
	struct heard *all[] = {&media->heard, &media->since_mark, &media_all.heard, &media_since_mark.heard};
	uint64_t gap_us = arrived_us > media->last_heard_us ? arrived_us - media->last_heard_us : 0;

	if (media->last_heard_us) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			all[i]->longest_gap_us = gap_us > all[i]->longest_gap_us ? gap_us : all[i]->longest_gap_us;
		}
		spread_add(&media_all.spacing, gap_us);
		spread_add(&media_since_mark.spacing, gap_us);
	}
	media->last_heard_us = arrived_us;
}

/* How many are missing before the packet; -1: it is a late one, which was missed before. */
static int missing_before(struct media *media, const uint8_t *packet)
{
	uint16_t sequence = (uint16_t) (packet[2] << 8 | packet[3]);
	uint32_t source = get_32(packet + 8);
	int16_t ahead = (int16_t) (uint16_t) (sequence - media->highest);

	if (!media->heard.packets || source != media->source) {
		media->source = source;
		media->highest = sequence;
		return 0;
	}
	if (ahead <= 0) {
		return -1;
	}
	media->highest = sequence;
	return ahead - 1;
}

static void take_packet(struct media *media, const uint8_t *packet, size_t length, uint64_t arrived_us)
{
	struct heard *all[] = {&media->heard, &media->since_mark, &media_all.heard, &media_since_mark.heard};
	int missing;

	if (length < HEADER_BYTES || (packet[0] & 0xc0) != VERSION_BYTE) {
		return;
	}
	missing = missing_before(media, packet);
	add_gap(media, arrived_us);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		all[i]->packets++;
		all[i]->bytes += length - HEADER_BYTES;
		if (missing < 0) {
			all[i]->late++;
			all[i]->missing -= all[i]->missing > 0;
		} else {
			all[i]->missing += (uint64_t) missing;
		}
	}
}

/* When the kernel took it in, by the wall clock. */
static uint64_t arrival_us(struct msghdr *header)
{
	for (struct cmsghdr *one = CMSG_FIRSTHDR(header); one; one = CMSG_NXTHDR(header, one)) {
		struct timespec when;

		if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&when, CMSG_DATA(one), sizeof(when));
			return (uint64_t) when.tv_sec * 1000000 + (uint64_t) when.tv_nsec / 1000;
		}
	}
	return 0;
}

void media_listen(struct media *media)
{
	static uint8_t packets[READ_AT_ONCE][READ_BYTES], notes[READ_AT_ONCE][CMSG_SPACE(sizeof(struct timespec))];
	struct mmsghdr messages[READ_AT_ONCE];
	struct iovec parts[READ_AT_ONCE];
	int count;

	do {
		for (size_t i = 0; i < READ_AT_ONCE; i++) {
			parts[i] = (struct iovec) {packets[i], READ_BYTES};
			messages[i].msg_hdr = (struct msghdr) {.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = notes[i],
				.msg_controllen = sizeof(notes[i])};
		}
		count = recvmmsg(media->rtp, messages, READ_AT_ONCE, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++) {
			take_packet(media, packets[i], messages[i].msg_len, arrival_us(&messages[i].msg_hdr));
		}
	} while (count == READ_AT_ONCE);
}

void media_stop(struct media *media)
{
	timer_stop(&media->timer);
}

void media_close(struct media *media)
{
	media_stop(media);
	if (media->rtp) {
		media_listen(media);
		close(media->rtp);
		close(media->rtcp);
		media->rtp = media->rtcp = 0;
	}
}
