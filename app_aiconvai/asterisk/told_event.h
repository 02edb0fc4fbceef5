/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What happened in a conversation, written down at that moment by the thread it happened on, which may be one that
 * carries everybody's audio: one allocation, into which texts are copied, and a look at what the channel is. The rest,
 * bodies and JSON and the log's lines, is work for the thread of the event publisher.
 *
 * One thread at a time: who makes it has it until it is handed to event_publisher_give().
 */
#ifndef AIC_TOLD_EVENT_H
#define AIC_TOLD_EVENT_H

#include "asterisk/linkedlists.h"
#include "asterisk/lock.h"

#include "backlog.h"
#include "conversation.h"
#include "events.h"
#include "outcome.h"
#include "playout_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

struct agent;
struct ast_channel_snapshot;
struct ast_json;
struct session;

enum told_kind {
	TOLD_START,
	TOLD_LOOKUP,
	TOLD_READY,
	TOLD_TRANSCRIPT,
	TOLD_INTERRUPTION,
	TOLD_VAD, /* to the log only */
	TOLD_ANSWER,
	TOLD_TOOL_CALL,
	TOLD_TOOL_CANCELLED,
	TOLD_TOOL_DONE,
	TOLD_ECHO,
	TOLD_KEYS,
	TOLD_PAUSE,
	TOLD_HOLD,
	TOLD_LISTENING,
	TOLD_STATE,
	TOLD_HAND_OVER,
	TOLD_FAILOVER,
	TOLD_TROUBLE,
	TOLD_ERROR,
	TOLD_END,
};

/* What is given up first where too much waits, before what comes after it here. */
enum told_importance {
	TOLD_IN_PASSING,   /* another one says it better soon: texts that are not final, scores */
	TOLD_HAPPENED,     /* what was said, and whatever else came to pass */
	TOLD_TO_BE_DONE,   /* somebody has to answer: calls of tools */
	TOLD_OF_THE_CALL,  /* its beginning and its end: few in a call, and whoever counts calls counts on them */
	TOLD_IMPORTANCES,
};

/* How much was played, and when: of AIConvAIEnd. */
struct told_end {
	struct aic_outcome outcome;
	struct aic_conversation_stats conversation;
	struct aic_playout_stats playout;
	uint64_t duration_ms, frames_received, frames_played;
	uint64_t events_dropped; /* of this call, until its end */
};

#define TOLD_TEXTS_MAX 5

struct told_event {
	AST_LIST_ENTRY(told_event) entry;
	enum told_kind kind;
	enum told_importance importance;
	struct told_call *call; /* owned reference */
	struct ast_channel_snapshot *snapshot; /* owned reference: of the channel as it was, NULL: it was gone */
	size_t bytes; /* of the allocation, in which are all that is pointed to below */
	struct timeval when; /* it happened */
	const char *id; /* the channel's unique id */
	const char *agent; /* its name */
	const char *conversation_id;
	const char *texts[TOLD_TEXTS_MAX];
	union {
		struct {
			struct aic_audio_format line;
			uint64_t recorded_ms; /* for so long already */
		} start; /* texts: its recording, empty: it is not recorded */
		struct {
			struct aic_audio_format uplink, downlink;
			uint64_t ms;
		} ready;
		struct {
			enum aic_role role;
			enum aic_transcript_kind kind;
			int64_t event_id;
			uint64_t turn, spoken_ms;
		} transcript; /* texts: what was said */
		struct {
			int64_t event_id;
			uint64_t heard_ms;
			bool logged;
			const struct aic_interruption *result;
		} interruption;
		struct {
			double score;
		} vad;
		struct {
			uint64_t latency_ms;
		} answer;
		struct {
			int timeout_ms;
		} lookup; /* texts: what answers it; empty: whoever knows */
		struct {
			enum aic_tool_run run;
			int timeout_ms;
		} tool_call; /* texts: its id, its name, its parameters; what runs it (empty: nobody says), their schema */
		struct {
			bool is_error;
		} tool_done; /* texts: its id, its name, what the agent was told */
		struct {
			bool is_on;
			uint64_t lasted_ms;
			bool interrupted; /* TOLD_PAUSE, at its end */
		} stretch; /* TOLD_PAUSE; TOLD_HOLD; TOLD_LISTENING, texts: to whom */
		struct {
			int delay_ms;
			double return_db;
		} echo;
		struct {
			bool secret; /* for managers that may read dtmf */
		} keys; /* texts: them */
		/*
		 * TOLD_TOOL_CANCELLED, texts: its id, its name. TOLD_STATE, texts: its name. TOLD_HAND_OVER, texts: the next
		 * agent.
		 * TOLD_FAILOVER, texts: the next agent, the reason.
		 * TOLD_TROUBLE, texts: what it is, its kind. TOLD_ERROR, texts: it
		 */
		struct told_end *end;
	};
};

/* What the journal will say of a call (call_journal.h), guarded by its lock; the publisher changes it. */
struct told_journal {
	struct ast_json *events; /* owned; an array, NULL: it says nothing. What is in it does not change any more */
	size_t bytes, left_out;
};

/* What the events of one call have in common. ao2 object without a lock: the session's, and of each event of it. */
struct told_call {
	/* Never changes: names the conversation in all that is told of it, and no other one of this Asterisk. */
	char record[40];

	/* Guarded by the publisher's lock. */
	struct aic_backlog waiting;
	struct aic_backlog in_window; /* handed over since then */
	uint64_t window_began_us;
	uint64_t given, published, dropped;
	unsigned int waiters;
	ast_cond_t is_published; /* one that somebody waits for */

	struct told_journal journal;

	/* The publisher's own. */
	struct ast_channel_snapshot *snapshot; /* owned reference: the last known, for events of a channel that is gone */
	bool said_dropped; /* the log says that some were */
};

/*
 * Takes over the reference to the channel as it is now (NULL: not known). Returns one for the caller, or NULL when
 * memory is short, and the other is let go then, too.
 */
struct told_call *told_call_new(struct ast_channel_snapshot *snapshot);

/*
 * Writes down that something happened in that session, with that agent: so much as all kinds of events say, copies of
 * the texts and, where `more` is not NULL, `more_bytes` at `*more` for what the kind has besides. The caller fills in
 * the importance and the rest. NULL when memory is short.
 */
struct told_event *told_event_new(struct session *session, enum told_kind kind, const struct agent *agent,
	const char *const *texts, size_t text_count, size_t more_bytes, void **more);

/* Instead of event_publisher_give(), and by that. */
void told_event_free(struct told_event *event);

/* Tells managers and the log. The publisher's thread. */
void told_event_publish(const struct told_event *event);

#endif
