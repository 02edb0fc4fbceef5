/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The agent's audio on its way to the caller: chunks tagged with the event id the service gave them, taken in frames
 * of AIC_FRAME_MS, and removed by event id when the caller interrupts.
 *
 * Order is kept: chunks play as they were appended. What an interruption removes is never played; what is newer is
 * never lost. The heard position of each event id is counted in samples as frames are taken, so it is exact.
 *
 * Late audio: where a turn ran dry, the first frame of the next ones is held back for a while (playout_delay.h).
 *
 * Growing: memory doubles up to `limit_ms` of audio. What is enough for AIC_PLAYOUT_KEPT_MS is kept, so that turns that
 * are sent as fast as they are heard, or somewhat faster, allocate nothing; more than that is given back once all of it
 * was heard. Full (hard limit): what does not fit is dropped and counted. Chunks are limited as well, by how many there
 * are in AIC_PLAYOUT_CHUNK_MS each: beyond that a chunk goes with the one before, if it has the same id.
 *
 * Going back: what was taken last is still in the ring until something else takes its place, so that an agent who was
 * broken off in the middle of a word may begin it anew.
 *
 * All calls are for one thread.
 */
#ifndef AIC_PLAYOUT_QUEUE_H
#define AIC_PLAYOUT_QUEUE_H

#include "audio_format.h"
#include "playout_delay.h"

#include <stdint.h>

/* An event id before any that a service gives. */
#define AIC_EVENT_ID_NONE INT64_MIN

/* Event ids whose heard position is remembered. */
#define AIC_HEARD_EVENTS 16

/* Removed chunks an interruption names one by one; further ones are only counted. */
#define AIC_REMOVED_IDS_MAX 64

/* Memory for so much audio is kept when the queue is empty. */
#define AIC_PLAYOUT_KEPT_MS 20000

/* So much of what was heard last may be heard again. */
#define AIC_PLAYOUT_BEHIND_MS 300

/* The limit in chunks is that of audio in chunks of this length. */
#define AIC_PLAYOUT_CHUNK_MS 5

struct aic_playout_stats {
	uint64_t chunks_appended;
	uint64_t bytes_appended;
	/*
	 * the same with silence that was appended, and what is heard again; less queued_bytes: what has left the queue,
	 * heard or removed
	 */
	uint64_t bytes_entered;
	uint64_t chunks_interrupted; /* removed by an interruption, in whole or in part */
	uint64_t bytes_interrupted;
	uint64_t chunks_late; /* came after their id was interrupted */
	uint64_t bytes_overflow;
	uint64_t frames_taken;
	uint64_t underruns;    /* times a turn ran dry although more of it came later */
	uint64_t gap_us;       /* silence heard because of them */
	uint32_t delay_ms;     /* how long the first frame of the next turn is held back at most */
	uint64_t filled_bytes; /* silence that completed a last frame */
	size_t queued_bytes;
	size_t queued_chunks;
	int64_t playing_event_id; /* the event id last heard, AIC_EVENT_ID_NONE before any */
	uint64_t heard_samples;   /* of that event id */
};

struct aic_interruption {
	size_t removed_chunks;
	size_t removed_bytes;
	size_t remaining_chunks;
	int64_t heard_event_id; /* the event id that was being heard, AIC_EVENT_ID_NONE if none */
	uint64_t heard_samples; /* how much of it the caller had heard */
	int64_t removed_ids[AIC_REMOVED_IDS_MAX]; /* of the first removed chunks, in order */
};

enum aic_playout_frame {
	AIC_PLAYOUT_FRAME, /* a whole frame was written */
	/* less than a frame is queued and more may be on its way, or a turn is held back: ask again in AIC_FRAME_MS */
	AIC_PLAYOUT_HOLD,
	AIC_PLAYOUT_EMPTY, /* nothing is queued */
};

struct aic_playout_queue;

/*
 * `format` is what frames are taken in; `limit_ms` the most audio held; `max_delay_ms` the longest that the first frame
 * of a turn is held back (rounded down to whole frames; 0: never). Returns NULL when memory is short or the
 * rate is 0.
 */
struct aic_playout_queue *aic_playout_queue_new(struct aic_audio_format format, uint32_t limit_ms,
	uint32_t max_delay_ms);
void aic_playout_queue_free(struct aic_playout_queue *queue);

/* What frames are taken in. */
struct aic_audio_format aic_playout_queue_format(const struct aic_playout_queue *queue);

/* Bytes of one frame: what aic_playout_queue_take() writes. */
size_t aic_playout_queue_frame_bytes(const struct aic_playout_queue *queue);

/*
 * Appends one chunk (a copy) that came at `now_us`, of any clock that only goes forward. A chunk whose id is
 * interrupted already is dropped and counted as late. Returns the bytes queued: `length`, less where the limit was
 * reached, 0 when late, -1 when memory is short.
 */
int64_t aic_playout_queue_append(struct aic_playout_queue *queue, int64_t event_id, const uint8_t *bytes, size_t length,
	uint64_t now_us);

/*
 * Appends the end of the audio before it, which our own conversion held back until it was known to be the end: it does
 * not tell when audio comes. Returns like append.
 */
int64_t aic_playout_queue_append_tail(struct aic_playout_queue *queue, int64_t event_id, const uint8_t *bytes,
	size_t length);

/* Counts audio that was not even appended, because it would not have fitted. */
void aic_playout_queue_overflow(struct aic_playout_queue *queue, size_t bytes);

/* Bytes of memory that the queue holds for audio and chunks. */
size_t aic_playout_queue_memory(struct aic_playout_queue *queue);

/* Appends silence that belongs to `event_id` (removed with it) but does not count as heard. Returns like append. */
int64_t aic_playout_queue_append_silence(struct aic_playout_queue *queue, int64_t event_id, uint32_t ms,
	uint64_t now_us);

/* Removes every queued byte whose id is <= event_id and drops such audio from now on. */
void aic_playout_queue_interrupt(struct aic_playout_queue *queue, int64_t event_id, struct aic_interruption *result);

/*
 * Removes what would be heard later than in `ms`: nothing is appended any more, and the call has so much time. Returns
 * how many bytes were removed, which are counted as interrupted.
 */
size_t aic_playout_queue_cut(struct aic_playout_queue *queue, uint64_t ms);

/*
 * Writes the next frame_bytes bytes to `frame`. Less than a frame is held back for one call, in case the rest is on its
 * way, then played, completed with silence. While something is queued, calls are taken to be AIC_FRAME_MS apart.
 */
enum aic_playout_frame aic_playout_queue_take(struct aic_playout_queue *queue, uint8_t *frame);

/*
 * Puts back what was taken last, from the quietest place in the last AIC_PLAYOUT_BEHIND_MS on, and at least the last
 * frame: it is heard once more, and does not count as heard once more. Returns how many bytes that is; 0 where nothing
 * of it is there any more.
 */
size_t aic_playout_queue_go_back(struct aic_playout_queue *queue);

/* Nothing was to be taken for so long: what came meanwhile is not late. */
void aic_playout_queue_put_off(struct aic_playout_queue *queue, uint64_t by_us);

/* Samples of `event_id` taken so far; 0 for an id never heard or heard more than AIC_HEARD_EVENTS ids ago. */
uint64_t aic_playout_queue_heard(struct aic_playout_queue *queue, int64_t event_id);

/* True when nothing is queued. */
bool aic_playout_queue_is_empty(struct aic_playout_queue *queue);

/* Bytes that are. */
size_t aic_playout_queue_bytes(const struct aic_playout_queue *queue);

void aic_playout_queue_stats(struct aic_playout_queue *queue, struct aic_playout_stats *stats);

#endif
