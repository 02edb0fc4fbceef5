/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "packet_order.h"

/* A number so far behind the next one, and as long before it in time, is late; what is farther is of another stream. */
#define LATE_MAX 100
#define LATE_MS_MAX 10000

/* Another stream, after a transfer for example, may well be numbered from a little behind: its times tell. */
static bool is_late(int ahead, int64_t gap_ms)
{
	return ahead < 0 && ahead >= -LATE_MAX && gap_ms < 0 && gap_ms >= -LATE_MS_MAX;
}

bool aic_packet_order_take(struct aic_packet_order *order, uint16_t sequence, int64_t at_ms, uint32_t length_ms,
	uint32_t *missing_ms)
{
	int16_t ahead = (int16_t) (uint16_t) (sequence - order->next_sequence);
	int64_t gap_ms = at_ms - order->next_ms;

	*missing_ms = 0;
	if (order->known && is_late(ahead, gap_ms)) {
		order->late++;
		return false;
	}
	/* Packets that are no audio, such as those of keys, are numbered too; and where nobody speaks none may be sent. */
	if (order->known && ahead > 0 && ahead <= LATE_MAX && gap_ms > 0 && gap_ms <= AIC_MISSING_MS_MAX) {
		*missing_ms = (uint32_t) gap_ms;
		order->missing_ms += (uint64_t) gap_ms;
	}
	order->known = true;
	order->next_sequence = (uint16_t) (sequence + 1);
	order->next_ms = at_ms + length_ms;
	return true;
}

void aic_packet_order_forget(struct aic_packet_order *order)
{
	order->known = false;
}
