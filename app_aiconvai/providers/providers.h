/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The AI services there are. Adding one: its file here, its name in configs/options.json, one line below and in the
 * table.
 */
#ifndef AIC_PROVIDERS_H
#define AIC_PROVIDERS_H

#include "provider.h"

extern const struct aic_provider aic_provider_elevenlabs;
extern const struct aic_provider aic_provider_openai;
extern const struct aic_provider aic_provider_openai_live;
extern const struct aic_provider aic_provider_gemini;
extern const struct aic_provider aic_provider_deepgram;
extern const struct aic_provider aic_provider_websocket;
extern const struct aic_provider aic_provider_local;
extern const struct aic_provider aic_provider_twilio;

/* The provider of the option's value; never NULL. */
const struct aic_provider *aic_provider_of(enum aic_option_provider provider);

#endif
