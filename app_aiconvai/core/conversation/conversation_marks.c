/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"
#include "utf8.h"

#include <string.h>

static void tell_first(struct aic_conversation *conversation)
{
	struct aic_marks *marks = &conversation->marks;
	struct aic_mark mark = marks->items[0];

	marks->count--;
	memmove(marks->items, marks->items + 1, marks->count * sizeof(mark));
	conversation->provider->mark_played(conversation, mark.name);
}

void aic_marks_look(struct aic_conversation *conversation)
{
	struct aic_marks *marks = &conversation->marks;
	struct aic_playout_stats playout;

	marks->due_us = UINT64_MAX;
	if (!marks->count) {
		return;
	}
	aic_playout_queue_stats(conversation->playout, &playout);
	while (marks->count && marks->items[0].behind_bytes <= playout.bytes_entered - playout.queued_bytes) {
		tell_first(conversation);
	}
	/* Who plays the audio does not tell us when. */
	if (marks->count) {
		marks->due_us = conversation->now_us + AIC_FRAME_US;
	}
}

void aic_marks_add(struct aic_conversation *conversation, const char *name)
{
	struct aic_marks *marks = &conversation->marks;
	size_t length = aic_utf8_cut(name, AIC_NAME_MAX);
	struct aic_playout_stats playout;
	struct aic_mark *mark;

	aic_playout_queue_stats(conversation->playout, &playout);
	if (marks->count == AIC_MARKS_MAX) {
		aic_conversation_tell_error(conversation, "the service set more marks than can be remembered; one was told too "
			"soon");
		tell_first(conversation);
	}
	mark = &marks->items[marks->count++];
	memcpy(mark->name, name, length);
	mark->name[length] = '\0';
	if (name[length]) {
		aic_conversation_beyond(conversation, AIC_BOUND_MARK);
	}
	mark->behind_bytes = playout.bytes_entered;
	aic_marks_look(conversation);
}

void aic_marks_put_off(struct aic_marks *marks, size_t bytes)
{
	for (size_t i = 0; i < marks->count; i++) {
		marks->items[i].behind_bytes += bytes;
	}
}

void aic_marks_forget(struct aic_marks *marks)
{
	marks->count = 0;
	marks->due_us = UINT64_MAX;
}

uint64_t aic_marks_due(const struct aic_conversation *conversation)
{
	return conversation->marks.due_us;
}

bool aic_marks_attend(struct aic_conversation *conversation)
{
	aic_marks_look(conversation);
	return true;
}
