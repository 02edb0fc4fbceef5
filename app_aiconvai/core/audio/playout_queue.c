/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Two rings: the bytes, and the chunks that say how many of them belong to which event id. An interruption only marks
 * chunks; their bytes are skipped when the reader gets there (and at once where they lie at either end), so that
 * nothing is moved and newer audio keeps its place.
 */
#include "playout_queue.h"

#include "energy.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 8192
#define FIRST_CHUNKS 64

/* A pause between two words, or within one, is as long at least. */
#define QUIET_STEP_MS 10

/* Why audio is appended. */
enum origin {
	ORIGIN_SERVICE,
	ORIGIN_TAIL,    /* the end of the service's, which our conversion held back */
	ORIGIN_PADDING, /* silence of ours */
};

struct chunk {
	int64_t event_id;
	size_t length; /* bytes not taken yet */
	bool removed;
	bool uncounted; /* silence of ours, or heard before: not part of what the caller has heard of the agent by now */
};

struct heard_position {
	int64_t event_id;
	uint64_t samples;
};

struct aic_playout_queue {
	/* Never change after creation. */
	struct aic_audio_format format;
	size_t frame_bytes;
	size_t limit_bytes, limit_chunks;
	size_t behind_limit;
	size_t kept_bytes, kept_chunks; /* memory for more than that is given back when the queue is empty */

	uint8_t *bytes; /* ring, capacity a power of two */
	size_t capacity;
	size_t first; /* free-running index of the first byte */
	size_t used;  /* bytes in the ring, removed ones included */
	size_t behind; /* bytes in front of the first that were taken last, one after the other, and are still there */
	struct chunk *chunks; /* ring, capacity a power of two */
	size_t chunk_capacity;
	size_t first_chunk;
	size_t chunk_count; /* removed ones included */
	int64_t interrupted_id; /* audio with this id or an older one is dropped */
	bool held;             /* the last take held a part of a frame back */
	bool appended;         /* since the last take */
	struct heard_position heard[AIC_HEARD_EVENTS]; /* most recent last */
	size_t heard_count;
	struct aic_playout_delay delay;
	/* its queued_* fields leave removed chunks out; those that `delay` counts are not kept here */
	struct aic_playout_stats stats;
};

/* The least power of two that is neither less than `size` nor than `least`, which is one. */
static size_t power_of_two(size_t size, size_t least)
{
	while (least < size) {
		least *= 2;
	}
	return least;
}

struct aic_playout_queue *aic_playout_queue_new(struct aic_audio_format format, uint32_t limit_ms,
	uint32_t max_delay_ms)
{
	struct aic_playout_queue *queue;

	if (!format.rate || !(queue = calloc(1, sizeof(*queue)))) {
		return NULL;
	}
	queue->format = format;
	queue->frame_bytes = aic_format_bytes(format, AIC_FRAME_MS);
	queue->limit_bytes = aic_format_bytes(format, limit_ms);
	queue->limit_chunks = limit_ms / AIC_PLAYOUT_CHUNK_MS + FIRST_CHUNKS;
	queue->kept_bytes = power_of_two(aic_format_bytes(format, AIC_PLAYOUT_KEPT_MS), FIRST_BYTES);
	queue->behind_limit = aic_format_bytes(format, AIC_PLAYOUT_BEHIND_MS);
	queue->kept_chunks = power_of_two(AIC_PLAYOUT_KEPT_MS / AIC_FRAME_MS, FIRST_CHUNKS);
	aic_playout_delay_init(&queue->delay, max_delay_ms);
	queue->interrupted_id = AIC_EVENT_ID_NONE;
	queue->stats.playing_event_id = AIC_EVENT_ID_NONE;
	queue->capacity = FIRST_BYTES;
	queue->chunk_capacity = FIRST_CHUNKS;
	queue->bytes = malloc(queue->capacity);
	queue->chunks = malloc(queue->chunk_capacity * sizeof(*queue->chunks));
	if (!queue->bytes || !queue->chunks || !queue->frame_bytes) {
		aic_playout_queue_free(queue);
		return NULL;
	}
	return queue;
}

void aic_playout_queue_free(struct aic_playout_queue *queue)
{
	if (!queue) {
		return;
	}
	free(queue->bytes);
	free(queue->chunks);
	free(queue);
}

struct aic_audio_format aic_playout_queue_format(const struct aic_playout_queue *queue)
{
	return queue->format;
}

size_t aic_playout_queue_frame_bytes(const struct aic_playout_queue *queue)
{
	return queue->frame_bytes;
}

static struct chunk *chunk_at(struct aic_playout_queue *queue, size_t index)
{
	return &queue->chunks[(queue->first_chunk + index) & (queue->chunk_capacity - 1)];
}

static uint64_t us_of(const struct aic_playout_queue *queue, size_t bytes)
{
	return (uint64_t) (bytes / aic_sample_bytes(queue->format)) * 1000000 / queue->format.rate;
}

/* Copies `length` bytes of the ring, from `offset` behind its first byte. */
static void ring_read(const struct aic_playout_queue *queue, size_t offset, uint8_t *to, size_t length)
{
	size_t at = (queue->first + offset) & (queue->capacity - 1);
	size_t to_end = queue->capacity - at;

	if (length <= to_end) {
		memcpy(to, queue->bytes + at, length);
	} else {
		memcpy(to, queue->bytes + at, to_end);
		memcpy(to + to_end, queue->bytes, length - to_end);
	}
}

/* Appends `length` bytes behind the used ones (there is room): `from`, or silence where it is NULL. */
static void ring_write(struct aic_playout_queue *queue, const uint8_t *from, size_t length)
{
	size_t free_bytes = queue->capacity - queue->used - length;

	queue->behind = queue->behind < free_bytes ? queue->behind : free_bytes;
	while (length) {
		size_t at = (queue->first + queue->used) & (queue->capacity - 1);
		size_t part = queue->capacity - at < length ? queue->capacity - at : length;

		if (from) {
			memcpy(queue->bytes + at, from, part);
			from += part;
		} else {
			memset(queue->bytes + at, aic_silence_byte(queue->format.encoding), part);
		}
		queue->used += part;
		length -= part;
	}
}

/*
 * Makes one of removed chunks that lie side by side: however many are removed between others, they then are no more
 * than those.
 */
static void join_removed(struct aic_playout_queue *queue)
{
	size_t kept = 0;

	for (size_t i = 0; i < queue->chunk_count; i++) {
		struct chunk chunk = *chunk_at(queue, i);

		if (kept && chunk.removed && chunk_at(queue, kept - 1)->removed) {
			chunk_at(queue, kept - 1)->length += chunk.length;
		} else {
			*chunk_at(queue, kept++) = chunk;
		}
	}
	queue->chunk_count = kept;
}

/* The ring of chunks is full: makes room for one more. Returns 0, or -1 when memory is short. */
static int make_room_for_chunk(struct aic_playout_queue *queue)
{
	size_t capacity = queue->chunk_capacity ? queue->chunk_capacity * 2 : FIRST_CHUNKS;
	struct chunk *chunks;

	join_removed(queue);
	/* With half of it free again it takes as long until the next time as it took to come here. */
	if (queue->chunk_count * 2 < queue->chunk_capacity) {
		return 0;
	}
	if (!(chunks = malloc(capacity * sizeof(*chunks)))) {
		return -1;
	}
	for (size_t i = 0; i < queue->chunk_count; i++) {
		chunks[i] = *chunk_at(queue, i);
	}
	free(queue->chunks);
	queue->chunks = chunks;
	queue->chunk_capacity = capacity;
	queue->first_chunk = 0;
	return 0;
}

/* Makes room for `length` more bytes and one more chunk. Returns 0, or -1 when memory is short. */
static int make_room(struct aic_playout_queue *queue, size_t length)
{
	if (queue->used + length > queue->capacity) {
		size_t capacity = power_of_two(queue->stats.queued_bytes + length, queue->capacity ? queue->capacity
			: FIRST_BYTES);
		size_t offset = 0, kept_bytes = 0, kept_chunks = 0;
		uint8_t *bytes;

		if (!(bytes = malloc(capacity))) {
			return -1;
		}
		/* Removed chunks stay behind: audio that will not be played never makes the queue grow. */
		for (size_t i = 0; i < queue->chunk_count; i++) {
			struct chunk chunk = *chunk_at(queue, i);

			if (!chunk.removed) {
				ring_read(queue, offset, bytes + kept_bytes, chunk.length);
				kept_bytes += chunk.length;
				*chunk_at(queue, kept_chunks++) = chunk;
			}
			offset += chunk.length;
		}
		free(queue->bytes);
		queue->bytes = bytes;
		queue->capacity = capacity;
		queue->first = queue->behind = 0;
		queue->used = kept_bytes;
		queue->chunk_count = kept_chunks;
	}
	return queue->chunk_count == queue->chunk_capacity ? make_room_for_chunk(queue) : 0;
}

/*
 * Whether what comes may go with the last chunk (which is none that was removed), where there are too many for one of
 * its own.
 */
static bool goes_with_last(struct aic_playout_queue *queue, int64_t event_id, bool uncounted)
{
	const struct chunk *last = chunk_at(queue, queue->chunk_count - 1);

	return last->event_id == event_id && last->uncounted == uncounted;
}

static int64_t append_piece(struct aic_playout_queue *queue, int64_t event_id, const uint8_t *bytes, size_t length,
	enum origin origin, uint64_t now_us)
{
	bool uncounted = origin == ORIGIN_PADDING;
	size_t room = queue->limit_bytes > queue->stats.queued_bytes ? queue->limit_bytes - queue->stats.queued_bytes : 0;
	size_t kept = length < room ? length : room;
	bool joined = false;

	if (event_id <= queue->interrupted_id) {
		queue->stats.chunks_late++;
		return 0;
	}
	kept -= kept % aic_sample_bytes(queue->format);
	if (queue->stats.queued_chunks >= queue->limit_chunks && !(joined = goes_with_last(queue, event_id, uncounted))) {
		kept = 0;
	}
	queue->stats.bytes_overflow += length - kept;
	if (!kept) {
		return 0;
	}
	if (make_room(queue, kept)) {
		queue->stats.bytes_overflow += kept;
		return -1;
	}
	ring_write(queue, bytes, kept);
	if (joined) {
		/* The room may have been made by moving them. */
		chunk_at(queue, queue->chunk_count - 1)->length += kept;
	} else {
		queue->chunk_count++;
		*chunk_at(queue, queue->chunk_count - 1) =
			(struct chunk) {.event_id = event_id, .length = kept, .removed = false, .uncounted = uncounted};
	}
	if (origin != ORIGIN_TAIL) {
		aic_playout_delay_arrived(&queue->delay, &(struct aic_playout_arrival) {.now_us = now_us,
			.queued_us = us_of(queue, queue->stats.queued_bytes),
			.length_us = us_of(queue, kept),
			.padding = uncounted,
			.same_event = event_id == queue->stats.playing_event_id});
	}
	queue->appended = true;
	queue->stats.queued_chunks += !joined;
	queue->stats.queued_bytes += kept;
	queue->stats.bytes_entered += kept;
	if (!uncounted) {
		queue->stats.chunks_appended++;
		queue->stats.bytes_appended += kept;
	}
	return (int64_t) kept;
}

int64_t aic_playout_queue_append(struct aic_playout_queue *queue, int64_t event_id, const uint8_t *bytes, size_t length,
	uint64_t now_us)
{
	return append_piece(queue, event_id, bytes, length, ORIGIN_SERVICE, now_us);
}

int64_t aic_playout_queue_append_tail(struct aic_playout_queue *queue, int64_t event_id, const uint8_t *bytes,
	size_t length)
{
	return append_piece(queue, event_id, bytes, length, ORIGIN_TAIL, 0);
}

int64_t aic_playout_queue_append_silence(struct aic_playout_queue *queue, int64_t event_id, uint32_t ms,
	uint64_t now_us)
{
	return append_piece(queue, event_id, NULL, aic_format_bytes(queue->format, ms), ORIGIN_PADDING, now_us);
}

void aic_playout_queue_overflow(struct aic_playout_queue *queue, size_t bytes)
{
	queue->stats.bytes_overflow += bytes;
}

size_t aic_playout_queue_memory(struct aic_playout_queue *queue)
{
	return queue->capacity + queue->chunk_capacity * sizeof(struct chunk);
}

/* Gives back the memory of an empty queue, where it is more than what is kept. */
static void give_back_memory(struct aic_playout_queue *queue)
{
	if (!queue->chunk_count && queue->capacity > queue->kept_bytes) {
		free(queue->bytes);
		queue->bytes = NULL;
		queue->capacity = queue->first = queue->behind = 0;
	}
	if (!queue->chunk_count && queue->chunk_capacity > queue->kept_chunks) {
		free(queue->chunks);
		queue->chunks = NULL;
		queue->chunk_capacity = queue->first_chunk = 0;
	}
}

/* Forgets removed chunks at both ends of the ring; those between others wait until the reader gets there. */
static void trim_removed(struct aic_playout_queue *queue)
{
	while (queue->chunk_count && chunk_at(queue, 0)->removed) {
		queue->first += chunk_at(queue, 0)->length;
		queue->used -= chunk_at(queue, 0)->length;
		queue->behind = 0;
		queue->first_chunk++;
		queue->chunk_count--;
	}
	while (queue->chunk_count && chunk_at(queue, queue->chunk_count - 1)->removed) {
		queue->used -= chunk_at(queue, queue->chunk_count - 1)->length;
		queue->chunk_count--;
	}
}

void aic_playout_queue_interrupt(struct aic_playout_queue *queue, int64_t event_id, struct aic_interruption *result)
{
	size_t largest = 0;

	result->removed_chunks = result->removed_bytes = 0;
	if (event_id > queue->interrupted_id) {
		queue->interrupted_id = event_id;
	}
	for (size_t i = 0; i < queue->chunk_count; i++) {
		struct chunk *chunk = chunk_at(queue, i);

		if (chunk->removed) {
			continue;
		}
		if (chunk->event_id > event_id) {
			largest = !chunk->uncounted && chunk->length > largest ? chunk->length : largest;
			continue;
		}
		chunk->removed = true;
		if (result->removed_chunks < AIC_REMOVED_IDS_MAX) {
			result->removed_ids[result->removed_chunks] = chunk->event_id;
		}
		result->removed_chunks++;
		result->removed_bytes += chunk->length;
	}
	trim_removed(queue);
	queue->stats.chunks_interrupted += result->removed_chunks;
	queue->stats.bytes_interrupted += result->removed_bytes;
	queue->stats.queued_chunks -= result->removed_chunks;
	queue->stats.queued_bytes -= result->removed_bytes;
	if (queue->stats.playing_event_id <= event_id) {
		aic_playout_delay_interrupted(&queue->delay, us_of(queue, queue->stats.queued_bytes), us_of(queue, largest));
	}
	result->remaining_chunks = queue->stats.queued_chunks;
	result->heard_event_id = queue->stats.playing_event_id;
	result->heard_samples = queue->stats.heard_samples;
	give_back_memory(queue);
}

/* Removes bytes of the newest chunk, which is not removed. */
static void cut_last(struct aic_playout_queue *queue, size_t length)
{
	struct chunk *last = chunk_at(queue, queue->chunk_count - 1);

	queue->stats.chunks_interrupted++;
	queue->stats.bytes_interrupted += length;
	queue->stats.queued_bytes -= length;
	queue->used -= length;
	last->length -= length;
	if (!last->length) {
		queue->stats.queued_chunks--;
		last->removed = true;
	}
	trim_removed(queue);
}

size_t aic_playout_queue_cut(struct aic_playout_queue *queue, uint64_t ms)
{
	size_t keep = aic_format_bytes(queue->format, (uint32_t) (ms < UINT32_MAX ? ms : UINT32_MAX));
	size_t cut = 0;

	while (queue->stats.queued_bytes > keep) {
		size_t over = queue->stats.queued_bytes - keep;
		size_t last = chunk_at(queue, queue->chunk_count - 1)->length;

		cut_last(queue, over < last ? over : last);
		cut += over < last ? over : last;
	}
	return cut;
}

/* Counts `samples` of `event_id` as heard; the least recently heard id makes room for a new one. */
static void count_heard(struct aic_playout_queue *queue, int64_t event_id, uint64_t samples)
{
	struct heard_position position = {event_id, 0};
	size_t at = queue->heard_count;

	for (size_t i = 0; i < queue->heard_count; i++) {
		if (queue->heard[i].event_id == event_id) {
			position = queue->heard[i];
			at = i;
			break;
		}
	}
	if (at == queue->heard_count) {
		if (queue->heard_count < AIC_HEARD_EVENTS) {
			queue->heard_count++;
		} else {
			at = 0;
		}
	}
	for (; at + 1 < queue->heard_count; at++) {
		queue->heard[at] = queue->heard[at + 1];
	}
	position.samples += samples;
	queue->heard[queue->heard_count - 1] = position;
	queue->stats.playing_event_id = event_id;
	queue->stats.heard_samples = position.samples;
}

/* Moves up to `wanted` bytes into `frame`. Returns how many there were. */
static size_t take_bytes(struct aic_playout_queue *queue, uint8_t *frame, size_t wanted)
{
	size_t filled = 0;

	while (filled < wanted && queue->chunk_count) {
		struct chunk *chunk = chunk_at(queue, 0);
		size_t part = chunk->length < wanted - filled ? chunk->length : wanted - filled;

		if (chunk->removed) {
			trim_removed(queue);
			continue;
		}
		ring_read(queue, 0, frame + filled, part);
		filled += part;
		queue->first += part;
		queue->used -= part;
		queue->behind = queue->behind + part < queue->behind_limit ? queue->behind + part : queue->behind_limit;
		queue->stats.queued_bytes -= part;
		chunk->length -= part;
		if (!chunk->uncounted) {
			count_heard(queue, chunk->event_id, part / aic_sample_bytes(queue->format));
		}
		if (!chunk->length) {
			queue->first_chunk++;
			queue->chunk_count--;
			queue->stats.queued_chunks--;
		}
	}
	return filled;
}

/* Whether something is queued but nothing is to be played yet. */
static bool holds_back(const struct aic_playout_queue *queue)
{
	return aic_playout_delay_holds_back(&queue->delay, us_of(queue, queue->stats.queued_bytes))
		|| (queue->stats.queued_bytes < queue->frame_bytes && (!queue->held || queue->appended));
}

enum aic_playout_frame aic_playout_queue_take(struct aic_playout_queue *queue, uint8_t *frame)
{
	enum aic_playout_frame result = AIC_PLAYOUT_FRAME;
	size_t filled;

	if (!queue->stats.queued_bytes) {
		queue->held = false;
		/* What comes next follows a silence. */
		queue->behind = 0;
		result = AIC_PLAYOUT_EMPTY;
	} else if (holds_back(queue)) {
		queue->held = true;
		aic_playout_delay_held(&queue->delay);
		result = AIC_PLAYOUT_HOLD;
	} else {
		queue->held = false;
		filled = take_bytes(queue, frame, queue->frame_bytes);
		if (filled < queue->frame_bytes) {
			memset(frame + filled, aic_silence_byte(queue->format.encoding), queue->frame_bytes - filled);
			queue->stats.filled_bytes += queue->frame_bytes - filled;
		}
		aic_playout_delay_played(&queue->delay, us_of(queue, queue->frame_bytes - filled));
		queue->stats.frames_taken++;
		give_back_memory(queue);
	}
	queue->appended = false;
	return result;
}

/*
 * How far in front of the first byte the quietest place is, of those that are heard for the length of a step, and at
 * least a frame. Of several the last.
 */
static size_t quiet_place(const struct aic_playout_queue *queue)
{
	size_t step = aic_format_bytes(queue->format, QUIET_STEP_MS);
	size_t best = queue->behind < queue->frame_bytes ? queue->behind : queue->frame_bytes;
	uint64_t quietest = UINT64_MAX;

	for (size_t back = queue->frame_bytes; back <= queue->behind; back += step) {
		struct aic_energy energy = {0, 0};
		uint8_t place[AIC_FRAME_BYTES_MAX];

		/* Its index may have gone around: unsigned numbers do. */
		ring_read(queue, (size_t) 0 - back, place, step);
		aic_energy_add(&energy, queue->format.encoding, place, step);
		if (energy.square_sum < quietest) {
			quietest = energy.square_sum;
			best = back;
		}
	}
	return best;
}

size_t aic_playout_queue_go_back(struct aic_playout_queue *queue)
{
	size_t back = quiet_place(queue);

	if (!back || (queue->chunk_count == queue->chunk_capacity && make_room_for_chunk(queue))) {
		return 0;
	}
	queue->first_chunk--;
	queue->chunk_count++;
	*chunk_at(queue, 0) = (struct chunk) {.event_id = queue->stats.playing_event_id, .length = back,
		.uncounted = true};
	queue->first -= back;
	queue->used += back;
	queue->behind -= back;
	queue->stats.queued_chunks++;
	queue->stats.queued_bytes += back;
	queue->stats.bytes_entered += back;
	return back;
}

void aic_playout_queue_put_off(struct aic_playout_queue *queue, uint64_t by_us)
{
	aic_playout_delay_put_off(&queue->delay, by_us);
}

uint64_t aic_playout_queue_heard(struct aic_playout_queue *queue, int64_t event_id)
{
	for (size_t i = 0; i < queue->heard_count; i++) {
		if (queue->heard[i].event_id == event_id) {
			return queue->heard[i].samples;
		}
	}
	return 0;
}

bool aic_playout_queue_is_empty(struct aic_playout_queue *queue)
{
	return !queue->stats.queued_bytes;
}

size_t aic_playout_queue_bytes(const struct aic_playout_queue *queue)
{
	return queue->stats.queued_bytes;
}

void aic_playout_queue_stats(struct aic_playout_queue *queue, struct aic_playout_stats *stats)
{
	*stats = queue->stats;
	stats->underruns = queue->delay.underruns;
	stats->gap_us = queue->delay.gap_us;
	stats->delay_ms = queue->delay.ms;
}
