/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Attempts to open what a conversation needs: the request for a signed URL, the WebSocket, and the next attempt, or the
 * next agent, where that fails.
 */
#include "conversation_state.h"

#include "url.h"

#include <stdio.h>
#include <string.h>

/* What to do about a key that was refused. */
#define CHECK_KEY ": check api_key"

void aic_conversation_wait_for_attempt(struct aic_conversation *conversation, uint64_t due_us)
{
	conversation->phase = AIC_PHASE_WAITING;
	conversation->attempts.due_us = due_us;
	conversation->open_pending = false;
	conversation->service_error[0] = '\0';
	aic_outbox_clear(&conversation->outbox);
}

/* The next agent that may take the call, passing over those that may not; NULL: there is none. */
static const struct aic_agent_choice *find_other(struct aic_conversation *conversation, size_t *other)
{
	struct aic_attempts *attempts = &conversation->attempts;

	while (attempts->next_other < attempts->other_count) {
		char refusal[AIC_REASON_MAX] = "";
		size_t length = strlen(attempts->passed_over);

		*other = attempts->next_other++;
		if (!conversation->may_take || conversation->may_take(conversation->user, *other, refusal)) {
			return &attempts->others[*other];
		}
		aic_conversation_tell_error(conversation, refusal);
		snprintf(attempts->passed_over + length, sizeof(attempts->passed_over) - length, "; %s", refusal);
	}
	return NULL;
}

/*
 * The present agent's conversation cannot be started: goes over to another one's. Returns false where no other can take
 * the call.
 */
static bool fail_over(struct aic_conversation *conversation, const char *reason)
{
	size_t other;

	/* A conversation that was active stays with its agent. */
	if (conversation->reopen.under_way || !(conversation->attempts.takes_over = find_other(conversation, &other))) {
		return false;
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_FAILOVER,
		.failover = {.other = other, .reason = reason}});
	/* It takes over later: the provider that failed may be the one that called. */
	conversation->stats.attempts = 0;
	aic_conversation_wait_for_attempt(conversation, conversation->now_us);
	return true;
}

void aic_conversation_attempt_failed(struct aic_conversation *conversation, bool retry, bool busy, uint16_t close_code,
	const char *reason)
{
	unsigned int attempts = conversation->stats.attempts;
	unsigned int most = (unsigned int) conversation->settings->max_connection_attempts;
	char text[2 * AIC_REASON_MAX];

	if (!retry || attempts >= most) {
		if (!fail_over(conversation, reason)) {
			snprintf(text, sizeof(text), "%s%s", reason, conversation->attempts.passed_over);
			aic_conversation_finish(conversation, conversation->reopen.under_way ? AIC_STATUS_LOST
				: busy ? AIC_STATUS_BUSY : AIC_STATUS_UNAVAILABLE, close_code, text);
		}
		return;
	}
	snprintf(text, sizeof(text), "attempt %u of %u failed: %s", attempts, most, reason);
	aic_conversation_tell_error(conversation, text);
	aic_conversation_wait_for_attempt(conversation, conversation->now_us
		+ ((uint64_t) conversation->settings->retry_backoff_ms << (attempts - 1)) * US_PER_MS);
}

/* The request in `request` is to be opened. */
static void open_request(struct aic_conversation *conversation)
{
	conversation->attempts.request.tls_files = (struct aic_tls_files) {
		.ca = conversation->settings->tls_ca_file,
		.certificate = conversation->settings->tls_certificate_file,
		.key = conversation->settings->tls_key_file,
	};
	conversation->attempts.request.proxy = conversation->settings->proxy;
	conversation->phase = conversation->attempts.request.kind == AIC_REQUEST_HTTP_GET ? AIC_PHASE_FETCHING
		: AIC_PHASE_CONNECTING;
	conversation->attempts.due_us =
		conversation->now_us + (uint64_t) conversation->settings->connection_timeout_seconds * US_PER_SECOND;
	conversation->open_pending = true;
}

static void begin_attempt(struct aic_conversation *conversation)
{
	const struct aic_agent_choice *takes_over = conversation->attempts.takes_over;

	if (takes_over) {
		conversation->attempts.takes_over = NULL;
		if (!aic_conversation_take_agent(conversation, takes_over)) {
			aic_conversation_finish(conversation, AIC_STATUS_UNAVAILABLE, 0, "out of memory");
			return;
		}
	}
	if (conversation->attempts.awaits_lookup) {
		conversation->attempts.awaits_lookup = false;
		aic_conversation_tell_error(conversation, "nobody has answered the lookup in time: the agent does without");
	}
	conversation->stats.attempts++;
	aic_conversation_tell_bounds(conversation);
	/* Of a connection before this one that did not take them any more. */
	aic_outbox_clear(&conversation->outbox);
	conversation->close_pending = false;
	conversation->stats.setup = (struct aic_setup_times) {0};
	aic_request_clear(&conversation->attempts.request);
	if (conversation->provider->open(conversation->settings, &conversation->attempts.request)) {
		aic_conversation_finish(conversation, AIC_STATUS_UNAVAILABLE, 0, "out of memory");
		return;
	}
	open_request(conversation);
}

int aic_conversation_found(struct aic_conversation *conversation, const struct aic_variable *variables, size_t count,
	uint64_t now_us)
{
	struct aic_attempts *attempts = &conversation->attempts;
	bool done = true;

	conversation->now_us = now_us;
	if (conversation->phase != AIC_PHASE_WAITING || !attempts->awaits_lookup) {
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		done = done && aic_conversation_set_variable(conversation, variables[i].name, strlen(variables[i].name),
			variables[i].value);
	}
	if (!done || !aic_conversation_fill_texts_again(conversation)) {
		/* Rather than with half of a prompt. */
		aic_conversation_end(conversation, AIC_STATUS_UNAVAILABLE, "out of memory", now_us);
		return -1;
	}
	attempts->awaits_lookup = false;
	attempts->due_us = now_us;
	return 0;
}

static void phase_took_too_long(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = conversation->settings;
	const char *url = conversation->attempts.request.url;
	char origin[256], text[AIC_REASON_MAX];

	aic_url_origin(url ? url : "", origin, sizeof(origin));
	switch (conversation->phase) {
	case AIC_PHASE_FETCHING:
		snprintf(text, sizeof(text), "%s did not give a signed URL within %d s", origin,
			(int) settings->connection_timeout_seconds);
		break;
	case AIC_PHASE_CONNECTING:
		snprintf(text, sizeof(text), "%s did not accept the connection within %d s", origin,
			(int) settings->connection_timeout_seconds);
		break;
	default:
		snprintf(text, sizeof(text), "%s did not announce the conversation within %d s", origin,
			(int) settings->handshake_timeout_seconds);
		/* It may be the session of before that it cannot take up. */
		aic_conversation_forget_session(conversation);
		break;
	}
	conversation->abort_pending = true;
	aic_conversation_attempt_failed(conversation, true, false, 0, text);
}

void aic_conversation_http_reply(struct aic_conversation *conversation, int status, const char *body, size_t length,
	const struct aic_open_times *times, uint64_t now_us)
{
	struct aic_request next = {0};
	char text[AIC_REASON_MAX], origin[200];

	conversation->now_us = now_us;
	if (conversation->phase != AIC_PHASE_FETCHING) {
		return;
	}
	conversation->stats.setup.http = *times;
	if (status != 200) {
		/* Too many requests and the service's own failures pass; the others say that the request itself is wrong. */
		bool retry = status == 408 || status == 429 || status >= 500;

		snprintf(text, sizeof(text), "%s answered HTTP %d to the request for a signed URL%s",
			aic_url_origin(conversation->attempts.request.url, origin, sizeof(origin)), status,
			status == 401 || status == 403 ? CHECK_KEY
			: status == 404 || status == 422 ? ": check agent_id and signed_url_endpoint" : "");
		aic_conversation_attempt_failed(conversation, retry, false, 0, text);
		return;
	}
	if (conversation->provider->http_reply(conversation->settings, body, length, &next, text)) {
		aic_request_clear(&next);
		aic_conversation_attempt_failed(conversation, true, false, 0, text);
		return;
	}
	aic_request_clear(&conversation->attempts.request);
	conversation->attempts.request = next;
	open_request(conversation);
}

void aic_conversation_connected(struct aic_conversation *conversation, const struct aic_open_times *times,
	uint64_t now_us)
{
	conversation->now_us = now_us;
	if (conversation->phase != AIC_PHASE_CONNECTING) {
		return;
	}
	conversation->phase = AIC_PHASE_STARTING;
	conversation->attempts.due_us = now_us
		+ (uint64_t) conversation->settings->handshake_timeout_seconds * US_PER_SECOND;
	conversation->opened_us = now_us;
	if (!conversation->reopen.under_way) {
		conversation->stats.connected_us = now_us - conversation->begun_us;
	}
	conversation->stats.setup.websocket = *times;
	aic_incoming_begin(&conversation->incoming);
	aic_marks_forget(&conversation->marks);
	conversation->reopen.resumed = false;
	conversation->watchdog.ping_pending = conversation->uplink_loss_told = false;
	memset(conversation->provider_state, 0, conversation->provider->state_size);
	conversation->provider->begin(conversation);
}

void aic_conversation_request_failed(struct aic_conversation *conversation, const struct aic_request_failure *failure,
	uint64_t now_us)
{
	char text[AIC_REASON_MAX + sizeof(CHECK_KEY)];

	conversation->now_us = now_us;
	if (conversation->phase == AIC_PHASE_FETCHING || conversation->phase == AIC_PHASE_CONNECTING) {
		*(conversation->phase == AIC_PHASE_FETCHING ? &conversation->stats.setup.http
			: &conversation->stats.setup.websocket) = failure->times;
		snprintf(text, sizeof(text), "%.*s%s", AIC_REASON_MAX, failure->text,
			failure->http_status == 401 ? CHECK_KEY : "");
		aic_conversation_attempt_failed(conversation, failure->retry, false, 0, text);
	}
}

uint64_t aic_attempts_due(const struct aic_conversation *conversation)
{
	return conversation->attempts.due_us;
}

bool aic_attempts_attend(struct aic_conversation *conversation)
{
	if (conversation->phase == AIC_PHASE_WAITING) {
		begin_attempt(conversation);
	} else {
		phase_took_too_long(conversation);
	}
	return true;
}
