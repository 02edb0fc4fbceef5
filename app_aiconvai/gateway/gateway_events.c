/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "gateway_events.h"

#include "container_of.h"
#include "event_copy.h"
#include "event_loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of all calls, as the module has it. */
static const struct aic_backlog_room room = {8192, 32 << 20};

/* Parts of the room that are for what was only said in passing, for what happened, and for what is to be done. */
#define PARTS_IN_PASSING (AIC_BACKLOG_PARTS / 2)
#define PARTS_HAPPENED (AIC_BACKLOG_PARTS - 1)

struct queued_event {
	struct aic_gateway_event event;
	struct aic_event *conversation; /* owned */
	struct queued_event *next;
	size_t bytes;
	char texts[];
};

int aic_gateway_events_init(struct aic_gateway_events *events)
{
	*events = (struct aic_gateway_events) {.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	events->end = &events->first;
	pthread_mutex_init(&events->lock, NULL);
	return events->fd < 0 ? -1 : 0;
}

void aic_gateway_events_clear(struct aic_gateway_events *events)
{
	struct aic_gateway_event *event;

	while ((event = aic_gateway_events_take(events))) {
		aic_gateway_event_free(event);
	}
	pthread_mutex_destroy(&events->lock);
	if (events->fd >= 0) {
		close(events->fd);
	}
}

/* How much of the room there is for such an event; more than all of it: it is never lost. */
static unsigned int parts_for(const struct aic_gateway_event *event)
{
	if (event->type == AIC_GATEWAY_LOG) {
		return PARTS_HAPPENED;
	}
	if (event->type != AIC_GATEWAY_CONVERSATION || event->conversation->type == AIC_EVENT_ENDED) {
		return AIC_BACKLOG_PARTS + 1;
	}
	if (event->conversation->type == AIC_EVENT_VAD || (event->conversation->type == AIC_EVENT_TRANSCRIPT
		&& event->conversation->transcript.kind == AIC_TRANSCRIPT_TENTATIVE)) {
		return PARTS_IN_PASSING;
	}
	return event->conversation->type == AIC_EVENT_TOOL_CALL ? AIC_BACKLOG_PARTS : PARTS_HAPPENED;
}

/* Appends a copy of the text, which may be NULL, at `*end`. */
static const char *put_text(char **end, const char *text)
{
	size_t length = text ? strlen(text) + 1 : 0;
	char *copy = *end;

	*end += length;
	return text ? memcpy(copy, text, length) : NULL;
}

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* NULL when memory is short. */
static struct queued_event *copy_event(const struct aic_gateway_event *event)
{
	size_t bytes = sizeof(struct queued_event) + text_bytes(event->text) + text_bytes(event->agent)
		+ text_bytes(event->agent_before), more = 0;
	struct queued_event *copy = calloc(1, bytes);
	char *end;

	if (!copy) {
		return NULL;
	}
	if (event->conversation && !(copy->conversation = aic_event_copy(event->conversation, &more))) {
		free(copy);
		return NULL;
	}
	end = copy->texts;
	copy->event = *event;
	copy->event.conversation = copy->conversation;
	copy->event.text = put_text(&end, event->text);
	copy->event.agent = put_text(&end, event->agent);
	copy->event.agent_before = put_text(&end, event->agent_before);
	copy->event.unix_us = aic_unix_us();
	copy->bytes = bytes + more;
	return copy;
}

void aic_gateway_events_put(struct aic_gateway_events *events, const struct aic_gateway_event *event)
{
	unsigned int parts = parts_for(event);
	struct queued_event *copy = copy_event(event);
	uint64_t one = 1;
	bool taken;

	pthread_mutex_lock(&events->lock);
	taken = copy && (parts > AIC_BACKLOG_PARTS || aic_backlog_has_room(&events->backlog, &room, parts, copy->bytes));
	if (taken) {
		copy->event.dropped = events->dropped;
		events->dropped = 0;
		aic_backlog_add(&events->backlog, copy->bytes);
		*events->end = copy;
		events->end = &copy->next;
	} else {
		events->dropped++;
	}
	pthread_mutex_unlock(&events->lock);
	if (!taken) {
		aic_gateway_event_free(copy ? &copy->event : NULL);
	} else if (write(events->fd, &one, sizeof(one)) < 0) {
		/* It is readable as it is: its counter is full. */
		return;
	}
}

bool aic_gateway_events_are_full(struct aic_gateway_events *events)
{
	bool full;

	pthread_mutex_lock(&events->lock);
	full = !aic_backlog_has_room(&events->backlog, &room, AIC_BACKLOG_PARTS, 0);
	pthread_mutex_unlock(&events->lock);
	return full;
}

struct aic_gateway_event *aic_gateway_events_take(struct aic_gateway_events *events)
{
	struct queued_event *first;
	uint64_t count;

	pthread_mutex_lock(&events->lock);
	if ((first = events->first)) {
		aic_backlog_remove(&events->backlog, first->bytes);
		if (!(events->first = first->next)) {
			events->end = &events->first;
		}
	} else if (read(events->fd, &count, sizeof(count)) < 0) {
		/* Nothing was put in since. */
		count = 0;
	}
	pthread_mutex_unlock(&events->lock);
	return first ? &first->event : NULL;
}

void aic_gateway_event_free(struct aic_gateway_event *event)
{
	if (event) {
		struct queued_event *queued = AIC_CONTAINER_OF(event, struct queued_event, event);

		free(queued->conversation);
		free(queued);
	}
}
