/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "providers.h"

static const struct aic_provider *const providers[] = {
	[AIC_PROVIDER_ELEVENLABS] = &aic_provider_elevenlabs,
};

const struct aic_provider *aic_provider_of(enum aic_option_provider provider)
{
	return providers[provider];
}
