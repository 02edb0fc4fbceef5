/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "providers.h"

static const struct aic_provider *const providers[] = {
	[AIC_PROVIDER_ELEVENLABS] = &aic_provider_elevenlabs,
	[AIC_PROVIDER_OPENAI] = &aic_provider_openai,
	[AIC_PROVIDER_OPENAI_LIVE] = &aic_provider_openai_live,
	[AIC_PROVIDER_GEMINI] = &aic_provider_gemini,
	[AIC_PROVIDER_DEEPGRAM] = &aic_provider_deepgram,
	[AIC_PROVIDER_WEBSOCKET] = &aic_provider_websocket,
	[AIC_PROVIDER_LOCAL] = &aic_provider_local,
	[AIC_PROVIDER_TWILIO] = &aic_provider_twilio,
};

const struct aic_provider *aic_provider_of(enum aic_option_provider provider)
{
	return providers[provider];
}
