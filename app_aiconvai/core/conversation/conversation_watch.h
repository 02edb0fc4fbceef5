/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A service that says nothing is asked for a sign of life by a ping, and given up where it does not answer.
 */
#ifndef AIC_CONVERSATION_WATCH_H
#define AIC_CONVERSATION_WATCH_H

#include "service_watch.h"

#include <stdbool.h>

struct aic_conversation;

struct aic_watchdog {
	struct aic_service_watch service;
	bool ping_pending; /* counts while the conversation is active */
};

uint64_t aic_watchdog_due(const struct aic_conversation *conversation);
bool aic_watchdog_attend(struct aic_conversation *conversation);

#endif
