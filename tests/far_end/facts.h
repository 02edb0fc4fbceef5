/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the far end tells on standard output, one JSON object a line, flushed; and what it counts for the last of them.
 */
#ifndef FAR_END_FACTS_H
#define FAR_END_FACTS_H

#include <stdint.h>

/* Application messages and their bytes on every kind of connection, whatever they carry. */
struct totals {
	uint64_t connections;
	uint64_t messages_in, messages_out;
	uint64_t bytes_in, bytes_out;
};

extern struct totals totals;

/* One conversation. Bytes are those of the audio, not of its base64. */
struct conversation_counts {
	uint64_t chunks_in, bytes_in;
	uint64_t chunks_out, bytes_out;
	uint64_t pings, pongs;
};

/* `wss_port` is -1 where there is none. */
void facts_ports(int ws_port, int wss_port, int audiosocket_port);

/* An interruption's last byte went to the kernel at `us` (CLOCK_MONOTONIC). */
void facts_interrupted(uint64_t us);

/* An agent has made all its interruptions. */
void facts_done(void);

void facts_closed(const char *service, const char *agent, const struct conversation_counts *counts, int close_code);

/*
 * A rule of a protocol was broken by the peer. Kept for the totals; the texts beyond the first hundred are only
 * counted.
 */
void facts_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the totals and forgets the violations. */
void facts_totals(void);

#endif
