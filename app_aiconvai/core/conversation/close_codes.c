/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "close_codes.h"

#include "provider.h"

#include <stdio.h>

static const struct aic_close_code everybodys[] = {
	{0, AIC_STATUS_LOST, true, "the connection to the service broke"},
	{1000, AIC_STATUS_COMPLETED, false, "the service ended the conversation"},
	{1001, AIC_STATUS_LOST, true, "the service went away"},
	{1008, AIC_STATUS_LOST, false, "the service refused what it was sent"},
	{1009, AIC_STATUS_LOST, false, "the service refused a message that was too long"},
	{1011, AIC_STATUS_LOST, true, "the service failed internally"},
	{1012, AIC_STATUS_LOST, true, "the service restarts"},
	{1013, AIC_STATUS_LOST, true, "the service is overloaded"},
};

static const struct aic_close_code unknown = {0, AIC_STATUS_LOST, true, "the service closed the connection"};

static const struct aic_close_code *find(const struct aic_close_code *table, size_t count, uint16_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].code == code) {
			return &table[i];
		}
	}
	return NULL;
}

void aic_close_code_explain(const struct aic_provider *provider, uint16_t code, const char *reason,
	struct aic_close_meaning *meaning)
{
	const struct aic_close_code *found = find(provider->closes, provider->close_count, code);

	if (!found) {
		found = find(everybodys, sizeof(everybodys) / sizeof(everybodys[0]), code);
	}
	found = found ? found : &unknown;
	meaning->status = found->status;
	meaning->retry = found->retry;
	if (code) {
		snprintf(meaning->sentence, sizeof(meaning->sentence), "%s (close code %u%s%s)", found->sentence, code, *reason
			? ": " : "", reason);
	} else {
		snprintf(meaning->sentence, sizeof(meaning->sentence), "%s%s%s", found->sentence, *reason ? ": " : "", reason);
	}
}
