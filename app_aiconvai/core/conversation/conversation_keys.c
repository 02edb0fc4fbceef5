/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "provider_port.h"

static void tell(struct aic_conversation *conversation, char digit)
{
	const struct aic_provider *provider = conversation->provider;

	if (provider->dtmf) {
		provider->dtmf(conversation, digit);
	} else {
		aic_port_key_in_words(conversation, digit, provider->user_message);
	}
}

void aic_conversation_dtmf(struct aic_conversation *conversation, char digit)
{
	if (!conversation->settings->send_dtmf || conversation->phase == AIC_PHASE_ENDED) {
		return;
	}
	conversation->stats.dtmf_digits++;
	aic_caller_idle_heard(&conversation->caller_idle, conversation->now_us);
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		tell(conversation, digit);
	} else if (conversation->keys.early_count < AIC_EARLY_KEYS_MAX) {
		conversation->keys.early[conversation->keys.early_count++] = digit;
	}
}

void aic_keys_tell_early(struct aic_conversation *conversation)
{
	struct aic_keys *keys = &conversation->keys;

	for (size_t i = 0; i < keys->early_count; i++) {
		tell(conversation, keys->early[i]);
	}
	keys->early_count = 0;
}
