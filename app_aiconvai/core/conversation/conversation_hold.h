/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A caller who is on hold, or has put the agent on hold, neither hears nor is heard: what comes meanwhile is the music
 * of somebody's telephone system. The service is sent silence, and what waits for the caller to say something waits for
 * as much longer. The host keeps what the agent says until the hold is over.
 */
#ifndef AIC_CONVERSATION_HOLD_H
#define AIC_CONVERSATION_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct aic_hold {
	bool is_on;
	uint64_t since_us;
};

#endif
