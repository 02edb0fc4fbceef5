/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include "url.h"

#include <stdio.h>

/* Before it is announced, and while it is being opened again, a conversation has other limits. */
uint64_t aic_watchdog_due(const struct aic_conversation *conversation)
{
	return conversation->phase == AIC_PHASE_ACTIVE ? aic_service_watch_due(&conversation->watchdog.service)
		: UINT64_MAX;
}

bool aic_conversation_doubts_service(const struct aic_conversation *conversation, uint64_t now_us)
{
	return now_us >= aic_watchdog_due(conversation);
}

/* The service is gone, although nobody has said so. */
static void give_up_service(struct aic_conversation *conversation)
{
	char text[AIC_REASON_MAX], origin[200];

	snprintf(text, sizeof(text), "%s has sent nothing for %d s, nor answered a ping (service_silence_seconds)",
		aic_url_origin(conversation->attempts.request.url, origin, sizeof(origin)),
		(int) conversation->settings->service_silence_seconds);
	conversation->abort_pending = true;
	if (!aic_conversation_hand_over_now(conversation) && !aic_tools_end_had_been_called(conversation, 0)
		&& !aic_conversation_reopen(conversation, text)) {
		aic_conversation_finish(conversation, AIC_STATUS_LOST, 0, text);
	}
}

bool aic_watchdog_attend(struct aic_conversation *conversation)
{
	switch (aic_service_watch_attend(&conversation->watchdog.service, conversation->now_us)) {
	case AIC_WATCH_NOTHING:
		break;
	case AIC_WATCH_ASK:
		conversation->watchdog.ping_pending = true;
		break;
	case AIC_WATCH_DEAD:
		give_up_service(conversation);
		return false;
	}
	return true;
}
