/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The audio of one call: RTP (RFC 3550) from a pair of ports of its own, a packet of PCMU each 20 ms on deadlines that
 * come from nobody else, and what is heard.
 *
 * What comes is not waited for. The kernel notes when it came, and it is read when the call's next packet leaves: half
 * as many wake-ups, and whoever sends to a caller does not pay for waking him, as nobody pays for a telephone.
 */
#ifndef CALLERS_MEDIA_H
#define CALLERS_MEDIA_H

#include "seeded.h"
#include "spread.h"
#include "timers.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define PACKET_US 20000

/* What was heard of one call. */
struct heard {
	uint64_t packets, bytes; /* of payload */
	uint64_t missing;        /* in the numbering */
	uint64_t late;           /* came after one with a higher number, or twice */
	uint64_t longest_gap_us; /* between two packets */
};

/* What all calls have in common, since the beginning or since the last mark. */
struct media_totals {
	uint64_t sent, refused; /* packets; refused: the kernel did not take one */
	struct heard heard;
	struct spread lateness; /* of packets sent, against their deadlines */
	struct spread spacing;  /* of packets heard, call by call */
};

extern struct media_totals media_all, media_since_mark;

struct media {
	int rtp, rtcp; /* sockets; 0: there are none */
	in_port_t port;
	struct timer timer; /* the next packet */
	uint64_t phase_us;  /* of its packets in each 20 ms of the program's time */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	size_t position; /* in the speech */
	uint64_t sent, sent_since_mark;

	struct heard heard, since_mark;
	uint64_t last_heard_us; /* by the wall clock, which is the kernel's; 0: nothing yet */
	uint32_t source;        /* SSRC of what is heard */
	uint16_t highest;       /* sequence number heard of it */
};

/* Reads what all callers say, raw mu-law. Returns 0, or -1 after a line on standard error. */
int media_load_speech(const char *path);
void media_free_speech(void);

/* Opens the ports at that address. Returns 0, or -1 with errno set. The random numbers are the call's. */
int media_open(struct media *media, const struct in_addr *address, struct seeded *random);

/* Speaks to `peer` from its next place in the 20 ms on; `epoch_us`: the beginning of the program's time. */
int media_start(struct media *media, const struct sockaddr_in *peer, uint64_t epoch_us);

/* Takes what has come. */
void media_listen(struct media *media);

/* Says no more, but still listens. */
void media_stop(struct media *media);

/* Takes what has come and closes the ports. */
void media_close(struct media *media);

#endif
