/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation tells its host. Pointers in an event are valid during the callback only.
 */
#ifndef AIC_EVENTS_H
#define AIC_EVENTS_H

#include "audio_format.h"
#include "conversation_trouble.h"
#include "outcome.h"
#include "playout_queue.h"
#include "tools.h"

enum aic_event_type {
	AIC_EVENT_READY,        /* the service announced the conversation; audio flows */
	AIC_EVENT_AUDIO,        /* audio was queued for playout */
	AIC_EVENT_TRANSCRIPT,
	AIC_EVENT_INTERRUPTION,
	AIC_EVENT_PAUSE,        /* the agent is silent until it is known whether the caller interrupts it; or that is */
	AIC_EVENT_VAD,
	AIC_EVENT_ANSWER,       /* the agent is heard, after the caller was */
	AIC_EVENT_THINKING,     /* the caller has waited for an answer for a while; or it has come */
	AIC_EVENT_TOOL_CALL,
	AIC_EVENT_TOOL_DONE,    /* nobody waits for an answer to it any more */
	AIC_EVENT_ECHO,         /* the agent's voice comes back by the line; once */
	AIC_EVENT_KEYS,         /* the caller pressed keys: a number, as far as one can tell */
	AIC_EVENT_RECORDING,    /* the agent wants the recording of the call paused, or to go on */
	AIC_EVENT_SECRET,       /* what the caller presses is for nobody's ears; or that is over */
	AIC_EVENT_HOLD,         /* the caller can not be heard, nor hear; or can again */
	AIC_EVENT_LISTENING,    /* the caller speaks with somebody else, and the agent listens; or not any more */
	AIC_EVENT_STATE,        /* the conversation is in another state of the agent's prompts */
	AIC_EVENT_HANDED_OVER,  /* the agent that was chosen last takes over from the one before */
	AIC_EVENT_FAILOVER,     /* another agent is tried, because this one's conversation could not be started */
	AIC_EVENT_TROUBLE,      /* why the call is silent or goes badly; once of each kind */
	AIC_EVENT_ERROR,        /* something went wrong; the conversation, or the attempts to start it, go on */
	AIC_EVENT_ENDED,        /* the last event; what is queued may still be played */
};

enum aic_role {
	AIC_ROLE_CALLER,
	AIC_ROLE_AGENT,
};

enum aic_transcript_kind {
	AIC_TRANSCRIPT_TENTATIVE,
	AIC_TRANSCRIPT_FINAL,
	AIC_TRANSCRIPT_CORRECTED, /* what the agent got to say before the caller interrupted */
};

struct aic_conversation_stats;

struct aic_event {
	enum aic_event_type type;
	const struct aic_conversation_stats *stats; /* AIC_EVENT_ENDED only: the whole conversation's */
	union {
		struct {
			const char *conversation_id;
			struct aic_audio_format uplink;
			struct aic_audio_format downlink;
		} ready;
		struct {
			size_t appended_bytes; /* in the line's format */
		} audio;
		struct {
			enum aic_role role;
			enum aic_transcript_kind kind;
			const char *text;
			int64_t event_id; /* AIC_EVENT_ID_NONE if the service gave none */
			uint64_t turn;      /* turns.h: in the order in which they were spoken, in which they need not come */
			uint64_t spoken_ms; /* when, since the conversation began */
		} transcript;
		struct {
			int64_t event_id;
			const struct aic_interruption *result;
			uint64_t heard_ms; /* of result->heard_event_id */
		} interruption;
		struct {
			bool is_on;
			bool interrupted; /* at its end: what is left of it is not to be heard. Otherwise it goes on. */
			uint64_t lasted_ms; /* at its end */
		} pause;
		struct {
			int delay_ms;
			double return_db; /* how loud it is, against what was sent */
		} echo;
		struct {
			double score;
		} vad;
		struct {
			uint64_t latency_ms; /* from the caller's last audible moment */
		} answer;
		struct {
			bool is_on;
		} thinking;
		struct {
			const char *id;
			const char *name;
			const char *parameters; /* JSON */
			enum aic_tool_run run;  /* who answers it: those that the engine runs are only told of */
			/*
			 * of AIC_TOOL_GOSUB: where it is; of AIC_TOOL_AMI: what runs it; of AIC_TOOL_TRANSFER_CALL: the line of
			 * transfer_to; NULL: none
			 */
			const char *place;
			const char *schema; /* JSON Schema of the parameters; NULL: nobody has declared the tool */
		} tool_call;
		struct {
			const char *id, *name;
			bool withdrawn; /* by the service, or because its connection or the conversation is over */
			const char *result; /* what the agent was told; NULL where it was withdrawn */
			bool is_error;
		} tool_done;
		struct {
			bool is_paused;
		} recording;
		struct {
			bool is_on;
		} secret;
		struct {
			const char *pressed;
			bool collected; /* by the tool collect_digits */
			bool secret;    /* for nobody's eyes who need not see them: neither the agent nor a log */
		} keys;
		struct {
			bool is_on;
			uint64_t lasted_ms; /* at its end */
		} hold;
		struct {
			const char *to; /* whom the caller was transferred to */
			bool is_on;
			uint64_t lasted_ms; /* at its end */
		} listening;
		struct {
			const char *name;
		} state;
		struct {
			size_t other;       /* which of the setup's */
			const char *reason;
		} failover;
		struct {
			enum aic_trouble kind;
			const char *text; /* a sentence without a full stop */
		} trouble;
		struct {
			const char *message;
		} error;
		const struct aic_outcome *ended;
	};
};

#endif
