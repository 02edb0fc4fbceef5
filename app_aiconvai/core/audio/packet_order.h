/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The order of the packets that bring the caller's audio: what is missing between two of them, and which come too late.
 * What the service hears is then as long as the time in which it was said, in order, without a moment's delay. Numbers
 * and times are those of RTP (RFC 3550 section 5.1), the times in milliseconds. Not thread-safe.
 */
#ifndef AIC_PACKET_ORDER_H
#define AIC_PACKET_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* Most that is taken for missing at once: what is longer is a pause, or another stream. */
#define AIC_MISSING_MS_MAX 200

struct aic_packet_order {
	bool known; /* there was one before */
	uint16_t next_sequence; /* the number of the next one */
	int64_t next_ms;        /* and its time */
	uint64_t missing_ms;    /* in all */
	uint64_t late;          /* that were left out, in all */
};

/*
 * A packet of that number, time and length has come. Returns false where it is late, or there a second time: its place
 * was taken. Otherwise `missing_ms` is how much is missing before it.
 */
bool aic_packet_order_take(struct aic_packet_order *order, uint16_t sequence, int64_t at_ms, uint32_t length_ms,
	uint32_t *missing_ms);

/* The next one has nothing to do with those before. */
void aic_packet_order_forget(struct aic_packet_order *order);

#endif
