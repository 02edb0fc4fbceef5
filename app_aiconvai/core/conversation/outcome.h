/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How a conversation ended: what AICONVAI_STATUS and AICONVAI_REASON say.
 */
#ifndef AIC_OUTCOME_H
#define AIC_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

enum aic_status {
	AIC_STATUS_COMPLETED,     /* the agent, or somebody on this PBX, ended it */
	AIC_STATUS_CALLER_HANGUP, /* the caller hung up */
	AIC_STATUS_BUSY,          /* a limit on concurrent calls was reached */
	AIC_STATUS_UNAVAILABLE,   /* it could not be started */
	AIC_STATUS_LOST,          /* it broke off */
	AIC_STATUS_TIMEOUT,       /* call_duration_limit_seconds was reached */
	AIC_STATUS_INVALID,       /* the application's arguments, or the agent, are wrong */
};

/* Length of a reason, of an error (which may quote one), and of a transfer's name and place, terminator included. */
#define AIC_REASON_MAX 320
#define AIC_ERROR_MAX (AIC_REASON_MAX + 64)
#define AIC_TRANSFER_MAX 256

struct aic_outcome {
	bool play_out;                /* what is queued is still to be heard: the agent ended by itself */
	enum aic_status status;
	uint16_t close_code;          /* of the WebSocket, 0 if it never was closed by a code */
	char reason[AIC_REASON_MAX]; /* one sentence for people; never holds a secret */
	/* the name of where the agent sends the caller, as in transfer_to_NAME; empty: nowhere */
	char transfer[AIC_TRANSFER_MAX];
	char transfer_place[AIC_TRANSFER_MAX]; /* CONTEXT,EXTENSION,PRIORITY */
};

/* "COMPLETED", "CALLER_HANGUP", ... */
const char *aic_status_name(enum aic_status status);

/* Whether the call goes on in the dialplan, because there was no conversation or it was lost. */
bool aic_status_is_failure(enum aic_status status);

#endif
