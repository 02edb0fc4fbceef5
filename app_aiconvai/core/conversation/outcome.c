/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "outcome.h"

const char *aic_status_name(enum aic_status status)
{
	static const char *const names[] = {
		[AIC_STATUS_COMPLETED] = "COMPLETED",
		[AIC_STATUS_CALLER_HANGUP] = "CALLER_HANGUP",
		[AIC_STATUS_BUSY] = "BUSY",
		[AIC_STATUS_UNAVAILABLE] = "UNAVAILABLE",
		[AIC_STATUS_LOST] = "LOST",
		[AIC_STATUS_TIMEOUT] = "TIMEOUT",
		[AIC_STATUS_INVALID] = "INVALID",
	};

	return names[status];
}

bool aic_status_is_failure(enum aic_status status)
{
	switch (status) {
	case AIC_STATUS_COMPLETED:
	case AIC_STATUS_CALLER_HANGUP:
	case AIC_STATUS_TIMEOUT:
		return false;
	case AIC_STATUS_BUSY:
	case AIC_STATUS_UNAVAILABLE:
	case AIC_STATUS_LOST:
	case AIC_STATUS_INVALID:
		break;
	}
	return true;
}
