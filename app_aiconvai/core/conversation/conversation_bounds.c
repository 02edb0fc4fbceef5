/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How much of what a service sends is taken, and in what shape it is told to the host: whatever goes beyond a bound is
 * counted, and said once.
 */
#include "conversation_state.h"

#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* Most errors that are told in a period: a service may make one with each of its messages. */
#define ERRORS_MAX 50
#define ERRORS_PERIOD_US (10 * US_PER_SECOND)

/* Memory of a line longer than this is not kept for the next one. */
#define KEPT_LINE 4096

static const char *const sentences[] = {
	[AIC_BOUND_TRANSCRIPT] = "the service sent a transcript that is too long; it was cut, as others may be",
	[AIC_BOUND_PARAMETERS] = "the agent called a tool with arguments that are too long; it was told so",
	[AIC_BOUND_ARGUMENTS] = "the agent called a tool with arguments that are no JSON or too much of it; it was told so",
	[AIC_BOUND_NAME] = "the agent called a tool by a name, or with an id, that is too long; it was told so",
	[AIC_BOUND_MARK] = "the service set a mark whose name is too long; it is told by the beginning of it",
	[AIC_BOUND_CONVERSATION_ID] = "the service announced the conversation with an id that is too long; it was cut",
	[AIC_BOUND_KEPT] = "the service's handle to take a session up again is too long; the next session will begin anew",
	[AIC_BOUND_VARIABLE] = "the value of a placeholder was too long and was cut, or there were too many; others may be",
	[AIC_BOUND_FILLED] = "a text for the agent was too long with the values in it; placeholders stayed in it",
	[AIC_BOUND_PLAYOUT] = "the service sent more audio ahead than playout_limit_seconds; what was too much is lost",
};

const char *aic_conversation_line(struct aic_conversation *conversation, const char *text, size_t most)
{
	size_t length = strnlen(text, most);
	struct aic_buffer *line = &conversation->telling.line;

	if (!text[aic_utf8_line_span(text, most)]) {
		return text;
	}
	if (line->capacity > KEPT_LINE) {
		aic_buffer_free(line);
	}
	line->length = 0;
	if (!aic_buffer_reserve(line, length + 1)) {
		return "(out of memory)";
	}
	aic_utf8_line((char *) line->bytes, length + 1, text);
	return (const char *) line->bytes;
}

void aic_conversation_tell(struct aic_conversation *conversation, const struct aic_event *event)
{
	struct aic_event told;

	switch (event->type) {
	case AIC_EVENT_TRANSCRIPT:
		told = *event;
		told.transcript.text = aic_conversation_line(conversation, event->transcript.text, AIC_TRANSCRIPT_MAX);
		break;
	case AIC_EVENT_TOOL_CALL:
		/* Its id and its name are lines already. */
		told = *event;
		told.tool_call.parameters = aic_conversation_line(conversation, event->tool_call.parameters,
			AIC_PARAMETERS_MAX);
		break;
	case AIC_EVENT_TOOL_DONE:
		/* The answer is from whoever ran it. */
		told = *event;
		if (event->tool_done.result) {
			told.tool_done.result = aic_conversation_line(conversation, event->tool_done.result, AIC_PARAMETERS_MAX);
		}
		break;
	case AIC_EVENT_STATE:
		told = *event;
		told.state.name = aic_conversation_line(conversation, event->state.name, AIC_NAME_MAX);
		break;
	case AIC_EVENT_FAILOVER:
		told = *event;
		told.failover.reason = aic_conversation_line(conversation, event->failover.reason, AIC_REASON_MAX - 1);
		break;
	case AIC_EVENT_ERROR:
		told = *event;
		told.error.message = aic_conversation_line(conversation, event->error.message, AIC_ERROR_MAX - 1);
		break;
	case AIC_EVENT_READY:
	case AIC_EVENT_AUDIO:
	case AIC_EVENT_INTERRUPTION:
	case AIC_EVENT_PAUSE:
	case AIC_EVENT_VAD:
	case AIC_EVENT_ANSWER:
	case AIC_EVENT_THINKING:
	case AIC_EVENT_ECHO:
	case AIC_EVENT_RECORDING:
	case AIC_EVENT_SECRET:
	case AIC_EVENT_KEYS:
	case AIC_EVENT_TROUBLE:
	case AIC_EVENT_HOLD:
	case AIC_EVENT_LISTENING:
	case AIC_EVENT_HANDED_OVER:
	case AIC_EVENT_ENDED:
		/* Numbers, and what is kept as a line. */
		conversation->on_event(conversation->user, event);
		return;
	}
	conversation->on_event(conversation->user, &told);
}

/* What is to be told of an error: it, or that there are too many; NULL: nothing, because that was told. */
static const char *bounded_error(struct aic_conversation *conversation, const char *message)
{
	if (conversation->now_us - conversation->telling.errors_since_us >= ERRORS_PERIOD_US) {
		conversation->telling.errors_since_us = conversation->now_us;
		conversation->telling.errors_told = 0;
	}
	if (conversation->telling.errors_told > ERRORS_MAX) {
		return NULL;
	}
	return conversation->telling.errors_told++ < ERRORS_MAX ? message
		: "there are too many errors; those of the next seconds are only counted";
}

void aic_conversation_tell_error(struct aic_conversation *conversation, const char *message)
{
	conversation->stats.errors++;
	if (!(message = bounded_error(conversation, message))) {
		return;
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_ERROR, .error = {.message = message}});
}

void aic_conversation_beyond(struct aic_conversation *conversation, enum aic_bound bound)
{
	/* The queue counts its own. */
	conversation->stats.texts_refused += bound != AIC_BOUND_PLAYOUT;
	conversation->telling.bounds_to_tell |= ~conversation->telling.bounds_told & (1u << bound);
	if (conversation->stats.attempts) {
		aic_conversation_tell_bounds(conversation);
	}
}

void aic_conversation_tell_bounds(struct aic_conversation *conversation)
{
	unsigned int bounds = conversation->telling.bounds_to_tell;

	conversation->telling.bounds_told |= bounds;
	conversation->telling.bounds_to_tell = 0;
	for (size_t i = 0; bounds >> i; i++) {
		if (bounds >> i & 1) {
			aic_conversation_tell_error(conversation, sentences[i]);
		}
	}
}
