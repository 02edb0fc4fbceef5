/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/json.h"
#include "asterisk/utils.h"

#include "call_journal.h"
#include "journal.h"
#include "told_event.h"

/* Of the line's form. */
#define VERSION 1

/* A call that lasts a day says so much; what is beyond is left out, and how many that were is in the line. */
#define EVENTS_MAX 20000
#define BYTES_MAX (4 << 20)

static bool is_journalled(const struct told_event *event)
{
	return event->kind != TOLD_TRANSCRIPT || event->transcript.kind != AIC_TRANSCRIPT_TENTATIVE;
}

/* Of the first and the last event it is told what the channel is: it may have changed. */
static bool tells_channel(const struct told_event *event)
{
	return event->kind == TOLD_START || event->kind == TOLD_END;
}

/* Returns a reference. NULL when memory is short. */
static struct ast_json *entry_of(const struct told_event *event, const char *name, struct ast_json *channel,
	struct ast_json *own)
{
	struct ast_json *entry = ast_json_pack("{s: s}", "Event", name);
	/* Copied whole: what managers are told is on its way to other threads. */
	struct ast_json *copy = ast_json_deep_copy(own);
	struct ast_json *of_channel = channel && tells_channel(event) ? ast_json_deep_copy(channel) : NULL;

	if (entry && of_channel) {
		ast_json_object_update(entry, of_channel);
	}
	if (entry && copy) {
		ast_json_object_update(entry, copy);
	}
	ast_json_unref(of_channel);
	ast_json_unref(copy);
	if (entry && event->kind == TOLD_KEYS && event->keys.secret) {
		ast_json_object_set(entry, "Keys", ast_json_string_create(""));
	}
	return entry;
}

static void finish(struct told_journal *journal)
{
	struct ast_json *line = ast_json_pack("{s: i, s: i, s: o}", "Version", VERSION, "LeftOut", (int) journal->left_out,
		"Events", ast_json_ref(journal->events));
	char *text = line ? ast_json_dump_string(line) : NULL;

	if (text) {
		journal_write(text);
		ast_json_free(text);
	}
	ast_json_unref(line);
	ast_json_unref(journal->events);
	*journal = (struct told_journal) {.events = NULL};
}

void call_journal_note(const struct told_event *event, const char *name, struct ast_json *channel,
	struct ast_json *own)
{
	struct told_journal *journal = &event->call->journal;
	bool is_last = event->kind == TOLD_END;

	if (event->kind == TOLD_START && !journal->events && journal_is_wanted()) {
		journal->events = ast_json_array_create();
	}
	if (!journal->events || !is_journalled(event)) {
		return;
	}
	if (is_last || (ast_json_array_size(journal->events) < EVENTS_MAX && journal->bytes < BYTES_MAX)) {
		struct ast_json *entry = entry_of(event, name, channel, own);

		journal->bytes += event->bytes;
		if (!entry || ast_json_array_append(journal->events, entry)) {
			journal->left_out++;
		}
	} else {
		journal->left_out++;
	}
	if (is_last) {
		finish(journal);
	}
}
