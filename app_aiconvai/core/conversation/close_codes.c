/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "close_codes.h"

#include "provider.h"

#include <stdio.h>
#include <string.h>

static const struct aic_close_code everybodys[] = {
	{.code = 0, .status = AIC_STATUS_LOST, .retry = true, .reopen = true,
		.sentence = "the connection to the service broke"},
	{.code = 1000, .status = AIC_STATUS_COMPLETED, .sentence = "the service ended the conversation"},
	{.code = 1001, .status = AIC_STATUS_LOST, .retry = true, .reopen = true, .sentence = "the service went away"},
	{.code = 1008, .status = AIC_STATUS_LOST, .sentence = "the service refused what it was sent"},
	{.code = 1009, .status = AIC_STATUS_LOST, .sentence = "the service refused a message that was too long"},
	{.code = 1011, .status = AIC_STATUS_LOST, .retry = true, .reopen = true,
		.sentence = "the service failed internally"},
	{.code = 1012, .status = AIC_STATUS_LOST, .retry = true, .reopen = true, .sentence = "the service restarts"},
	{.code = 1013, .status = AIC_STATUS_LOST, .retry = true, .reopen = true, .sentence = "the service is overloaded"},
};

static const struct aic_close_code unknown = {.status = AIC_STATUS_LOST, .retry = true,
	.sentence = "the service closed the connection"};

static const struct aic_close_code *find(const struct aic_close_code *table, size_t count,
	const struct aic_close *close)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].code == close->code && (!table[i].reason || strstr(close->reason, table[i].reason))) {
			return &table[i];
		}
	}
	return NULL;
}

void aic_close_code_explain(const struct aic_provider *provider, const struct aic_close *close,
	struct aic_close_meaning *meaning)
{
	const struct aic_close_code *found = find(provider->closes, provider->close_count, close);
	const char *advice, *reason = close->reason_is_said ? "" : close->reason;
	char said[256];

	if (!found) {
		found = find(everybodys, sizeof(everybodys) / sizeof(everybodys[0]), close);
	}
	found = found ? found : &unknown;
	advice = found->advice && !close->was_active ? found->advice : "";
	meaning->status = found->status;
	meaning->busy = found->busy;
	meaning->retry = found->retry;
	meaning->reopen = found->reopen;
	snprintf(said, sizeof(said), "%s%s%s", found->sentence, *advice ? ": " : "", advice);
	if (close->code) {
		snprintf(meaning->sentence, sizeof(meaning->sentence), "%s (close code %u%s%s)", said, close->code, *reason
			? ": " : "", reason);
	} else {
		snprintf(meaning->sentence, sizeof(meaning->sentence), "%s%s%s", said, *reason ? ": " : "", reason);
	}
}
