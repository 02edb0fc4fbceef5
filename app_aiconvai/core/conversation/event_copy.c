/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "event_copy.h"

#include <stdlib.h>
#include <string.h>

/* Most texts that an event has. */
#define TEXTS_MAX 5

/* Fills in where the event keeps its texts. Returns how many there are. */
static size_t texts_of(struct aic_event *event, const char **texts[TEXTS_MAX])
{
	size_t count = 0;

	switch (event->type) {
	case AIC_EVENT_READY:
		texts[count++] = &event->ready.conversation_id;
		break;
	case AIC_EVENT_TRANSCRIPT:
		texts[count++] = &event->transcript.text;
		break;
	case AIC_EVENT_TOOL_CALL:
		texts[count++] = &event->tool_call.id;
		texts[count++] = &event->tool_call.name;
		texts[count++] = &event->tool_call.parameters;
		texts[count++] = &event->tool_call.place;
		texts[count++] = &event->tool_call.schema;
		break;
	case AIC_EVENT_TOOL_DONE:
		texts[count++] = &event->tool_done.id;
		texts[count++] = &event->tool_done.name;
		texts[count++] = &event->tool_done.result;
		break;
	case AIC_EVENT_KEYS:
		texts[count++] = &event->keys.pressed;
		break;
	case AIC_EVENT_LISTENING:
		texts[count++] = &event->listening.to;
		break;
	case AIC_EVENT_STATE:
		texts[count++] = &event->state.name;
		break;
	case AIC_EVENT_FAILOVER:
		texts[count++] = &event->failover.reason;
		break;
	case AIC_EVENT_TROUBLE:
		texts[count++] = &event->trouble.text;
		break;
	case AIC_EVENT_ERROR:
		texts[count++] = &event->error.message;
		break;
	case AIC_EVENT_AUDIO:
	case AIC_EVENT_INTERRUPTION:
	case AIC_EVENT_PAUSE:
	case AIC_EVENT_VAD:
	case AIC_EVENT_ANSWER:
	case AIC_EVENT_THINKING:
	case AIC_EVENT_ECHO:
	case AIC_EVENT_RECORDING:
	case AIC_EVENT_SECRET:
	case AIC_EVENT_HOLD:
	case AIC_EVENT_HANDED_OVER:
	case AIC_EVENT_ENDED:
		break;
	}
	return count;
}

/* An event, and what else it may point to. */
struct copied_event {
	struct aic_event event;
	union {
		struct aic_interruption interruption;
		struct {
			struct aic_outcome outcome;
			struct aic_conversation_stats stats;
		} end;
	};
	char texts[];
};

/* What an event of that type points to besides texts. */
static void copy_more(struct copied_event *copy, const struct aic_event *event)
{
	if (event->type == AIC_EVENT_INTERRUPTION) {
		copy->interruption = *event->interruption.result;
		copy->event.interruption.result = &copy->interruption;
	} else if (event->type == AIC_EVENT_ENDED) {
		copy->end.outcome = *event->ended;
		copy->end.stats = *event->stats;
		copy->event.ended = &copy->end.outcome;
		copy->event.stats = &copy->end.stats;
	}
}

struct aic_event *aic_event_copy(const struct aic_event *event, size_t *bytes)
{
	struct aic_event shallow = *event;
	const char **texts[TEXTS_MAX];
	size_t count = texts_of(&shallow, texts);
	struct copied_event *copy;
	char *end;

	*bytes = sizeof(*copy);
	for (size_t i = 0; i < count; i++) {
		*bytes += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	}
	if (!(copy = calloc(1, *bytes))) {
		return NULL;
	}
	copy->event = shallow;
	copy_more(copy, event);
	count = texts_of(&copy->event, texts);
	end = copy->texts;
	for (size_t i = 0; i < count; i++) {
		if (*texts[i]) {
			size_t length = strlen(*texts[i]) + 1;

			*texts[i] = memcpy(end, *texts[i], length);
			end += length;
		}
	}
	return &copy->event;
}
