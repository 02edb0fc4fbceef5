/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/json.h"
#include "asterisk/lock.h"
#include "asterisk/manager.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call_journal.h"
#include "journal.h"
#include "locks.h"
#include "told_event.h"

/* Of the line's form. */
#define VERSION 1

/* A call that lasts a day says so much; what is beyond is left out, and how many that were is in the line. */
#define EVENTS_MAX 20000
#define BYTES_MAX (4 << 20)

/* So many are told with the lock held once. */
#define TOLD_AT_ONCE 32

/* Held while an event is added, and while some are told. */
AST_MUTEX_DEFINE_STATIC(lock);

static void hold(void)
{
	locks_note(LOCK_CALL_JOURNAL, "the lock of the calls' journals");
	ast_mutex_lock(&lock);
}

static void let_go(void)
{
	ast_mutex_unlock(&lock);
	locks_forget(LOCK_CALL_JOURNAL);
}

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

/* Takes over what there is. */
static void write_line(struct told_journal *journal)
{
	struct ast_json *line = ast_json_pack("{s: i, s: i, s: o}", "Version", VERSION, "LeftOut", (int) journal->left_out,
		"Events", journal->events);
	char *text = line ? ast_json_dump_string(line) : NULL;

	if (text) {
		journal_write(text);
		ast_json_free(text);
	}
	ast_json_unref(line);
}

/* Locked. Takes over the entry; NULL: there was no memory for it. */
static void add(struct told_journal *journal, struct ast_json *entry, size_t bytes)
{
	journal->bytes += bytes;
	if (!entry || ast_json_array_append(journal->events, entry)) {
		journal->left_out++;
	}
}

void call_journal_note(const struct told_event *event, const char *name, struct ast_json *channel,
	struct ast_json *own)
{
	/* Nobody else changes it: to read it needs no lock. */
	struct told_journal *journal = &event->call->journal, finished = {.events = NULL};
	bool is_first = event->kind == TOLD_START && !journal->events && journal_is_wanted();
	bool is_last = event->kind == TOLD_END;
	struct ast_json *entry = NULL;
	bool has_room;

	if (!(is_first || journal->events) || !is_journalled(event)) {
		return;
	}
	has_room = is_first || is_last
		|| (ast_json_array_size(journal->events) < EVENTS_MAX && journal->bytes < BYTES_MAX);
	if (has_room) {
		entry = entry_of(event, name, channel, own);
	}
	hold();
	if (is_first) {
		journal->events = ast_json_array_create();
	}
	if (has_room && journal->events) {
		add(journal, entry, event->bytes);
	} else {
		journal->left_out++;
		ast_json_unref(entry);
	}
	if (is_last) {
		finished = *journal;
		*journal = (struct told_journal) {.events = NULL};
	}
	let_go();
	if (finished.events) {
		write_line(&finished);
	}
}

bool call_journal_told(struct told_call *call, size_t *next, struct ast_str **events)
{
	struct ast_json *all;
	size_t count, until;

	hold();
	all = call->journal.events;
	count = all ? ast_json_array_size(all) : 0;
	until = *next + TOLD_AT_ONCE < count ? *next + TOLD_AT_ONCE : count;
	for (; *next < until; (*next)++) {
		struct ast_str *headers = ast_manager_str_from_json_object(ast_json_array_get(all, *next), NULL);

		if (headers) {
			ast_str_append(events, 0, "%sReplayed: yes\r\n\r\n", ast_str_buffer(headers));
			ast_free(headers);
		}
	}
	let_go();
	return *next < count;
}
