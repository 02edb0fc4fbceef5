/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/datastore.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "agents.h"
#include "call_record.h"
#include "dialplan_text.h"
#include "locks.h"
#include "session.h"
#include "session_report.h"
#include "sessions.h"

#include <inttypes.h>
#include <stdlib.h>

struct call_record {
	struct session_report report;
	char agent[80];
	char *said; /* owned, of the C library's; NULL: nothing */
};

/* --- one of them --- */

static void take_said(struct aic_conversation *conversation, void *arg)
{
	*(char **) arg = aic_conversation_said(conversation);
}

struct call_record *call_record_take(struct session *session)
{
	struct call_record *record = ast_calloc(1, sizeof(*record));
	struct aic_link *link = record ? session_link(session) : NULL;

	if (!link || session_report(session, &record->report)) {
		ast_free(record);
		record = NULL;
	} else {
		ast_copy_string(record->agent, session_agent(session)->name, sizeof(record->agent));
		aic_link_query(link, take_said, &record->said);
	}
	if (link) {
		aic_link_release(link);
	}
	return record;
}

void call_record_free(struct call_record *record)
{
	if (record) {
		/* The engine's. */
		ast_std_free(record->said);
		ast_free(record);
	}
}

/* --- the channel's --- */

static void destroy(void *data)
{
	call_record_free(data);
}

static const struct ast_datastore_info record_info = {
	.type = "aiconvai",
	.destroy = destroy,
};

/* The channel is locked. */
static struct call_record *find(struct ast_channel *channel)
{
	struct ast_datastore *datastore = ast_channel_datastore_find(channel, &record_info, NULL);

	return datastore ? datastore->data : NULL;
}

void call_record_keep(struct ast_channel *channel, struct call_record *record)
{
	struct ast_datastore *datastore;
	struct call_record *before = NULL;

	if (!record) {
		return;
	}
	channel_lock(channel);
	if ((datastore = ast_channel_datastore_find(channel, &record_info, NULL))) {
		before = datastore->data;
		datastore->data = record;
	} else if ((datastore = ast_datastore_alloc(&record_info, NULL))) {
		datastore->data = record;
		ast_channel_datastore_add(channel, datastore);
	} else {
		before = record;
	}
	channel_unlock(channel);
	call_record_free(before);
}

char *call_record_said(struct ast_channel *channel)
{
	struct call_record *record;
	char *said;

	channel_lock(channel);
	record = find(channel);
	said = record && record->said ? ast_strdup(record->said) : NULL;
	channel_unlock(channel);
	return said;
}

/* --- fields --- */

static void put_number(char *buffer, size_t size, uint64_t number)
{
	snprintf(buffer, size, "%" PRIu64, number);
}

static void put_answer_ms(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, aic_answer_mean_ms(&record->report.conversation));
}

static void put_answers(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.answers);
}

static void put_agent(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->agent, size);
}

static void put_conversation_id(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->report.conversation.conversation_id, size);
	aic_dialplan_text(buffer);
}

static void put_duration_ms(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.duration_ms);
}

static void put_first_audio_ms(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.first_audio_us / 1000);
}

static void put_held_ms(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.held_ms);
}

static void put_interruptions(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.interruptions);
}

static void put_phase(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->report.ended ? "ended" : aic_phase_name(record->report.conversation.phase), size);
}

static void put_ready_ms(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.ready_us / 1000);
}

static void put_reason(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->report.outcome.reason, size);
	aic_dialplan_text(buffer);
}

static void put_said(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, S_OR(record->said, ""), size);
}

static void put_state(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->report.conversation.state, size);
}

static void put_status(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->report.ended ? aic_status_name(record->report.outcome.status) : "", size);
}

static void put_tool_calls(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.tool_calls);
}

static void put_transcripts(const struct call_record *record, char *buffer, size_t size)
{
	put_number(buffer, size, record->report.conversation.transcripts);
}

static void put_transfer(const struct call_record *record, char *buffer, size_t size)
{
	ast_copy_string(buffer, record->report.outcome.transfer, size);
}

static const struct {
	const char *name;
	void (*put)(const struct call_record *record, char *buffer, size_t size);
} fields[] = {
	{"agent", put_agent},
	{"answer_ms", put_answer_ms},
	{"answers", put_answers},
	{"conversation_id", put_conversation_id},
	{"duration_ms", put_duration_ms},
	{"first_audio_ms", put_first_audio_ms},
	{"held_ms", put_held_ms},
	{"interruptions", put_interruptions},
	{"phase", put_phase},
	{"ready_ms", put_ready_ms},
	{"reason", put_reason},
	{"said", put_said},
	{"state", put_state},
	{"status", put_status},
	{"tool_calls", put_tool_calls},
	{"transcripts", put_transcripts},
	{"transfer", put_transfer},
};

#define FIELD_NAMES "agent, answer_ms, answers, conversation_id, duration_ms, first_audio_ms, held_ms, " \
	"interruptions, phase, ready_ms, reason, said, state, status, tool_calls, transcripts and transfer"

const char *call_record_fields(void)
{
	return FIELD_NAMES;
}

/* Where the caller, or the dialplan itself, has hung up, and the conversation has not noticed yet. */
static void note_hang_up(struct call_record *record, struct ast_channel *channel)
{
	struct aic_outcome *outcome = &record->report.outcome;

	if (!record->report.ended && ast_check_hangup(channel)
		&& !(ast_channel_softhangup_internal_flag(channel) & AST_SOFTHANGUP_ASYNCGOTO)) {
		record->report.ended = 1;
		outcome->status = AIC_STATUS_CALLER_HANGUP;
		snprintf(outcome->reason, sizeof(outcome->reason), "the caller hung up");
	}
}

int call_record_read(struct ast_channel *channel, const char *field, char *buffer, size_t size)
{
	struct session *session;
	struct call_record *running, *kept;
	size_t i = 0;

	buffer[0] = '\0';
	while (i < ARRAY_LEN(fields) && strcmp(fields[i].name, field)) {
		i++;
	}
	if (i == ARRAY_LEN(fields)) {
		return -1;
	}
	session = sessions_find_channel(channel);
	running = session ? call_record_take(session) : NULL;
	ao2_cleanup(session);
	if (running) {
		note_hang_up(running, channel);
		fields[i].put(running, buffer, size);
	} else {
		channel_lock(channel);
		if ((kept = find(channel))) {
			fields[i].put(kept, buffer, size);
		}
		channel_unlock(channel);
	}
	call_record_free(running);
	return 0;
}
