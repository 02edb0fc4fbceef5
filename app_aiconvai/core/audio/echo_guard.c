/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "echo_guard.h"

#include "bulk_delay.h"
#include "buffer.h"
#include "g711.h"
#include "transcoder.h"

#include <stdlib.h>
#include <string.h>

/* Samples of either side that are kept, in mu-law: what the delay is looked for in, and some more. */
#define KEPT 16384

/* Samples that are decoded at once. */
#define PIECE 256

#define SAMPLES_A_MS (AIC_ECHO_RATE / 1000)

/* What was sent goes on without a gap where it comes within so many samples of its time. */
#define SENT_ALIKE (60 * SAMPLES_A_MS)

/*
 * What comes has gone through a network: the next of it is late, and several may come at once then, but none is missing
 * (what was lost has been filled in). Only where all of it is late by 40 ms for half a second, or some by 200 ms, has
 * there been a gap.
 */
#define CAME_ALIKE (40 * SAMPLES_A_MS)
#define CAME_LATE (200 * SAMPLES_A_MS)
#define CAME_WATCHED (500 * SAMPLES_A_MS)

/* The agent is heard while more is sent than this: -50 dBFS, as the mean square of samples of 16 bits. */
#define AUDIBLE 10737

/* For so long after its last sound it may still come back. */
#define AFTER (600 * SAMPLES_A_MS)

/*
 * Once open the gate stays so for this long after the last evidence: whoever speaks pauses. Not when the agent, who has
 * been silent for a while, is heard again: it answers sooner than that, and would hear its own first word.
 */
#define OPEN (800 * SAMPLES_A_MS)
#define TURN_PAUSE (400 * SAMPLES_A_MS)

/* One way of the line, at AIC_ECHO_RATE. */
struct side {
	struct aic_transcoder *transcoder;
	struct aic_buffer converted;
	uint8_t samples[KEPT]; /* a ring: sample n of the time line in place n mod KEPT */
	int64_t end; /* one behind the last one, on the time line */
	bool has_begun;
};

struct aic_echo_guard {
	struct aic_fft *fft;
	struct side sent, came;
	int64_t sent_audible_until; /* the agent's last sound */
	int64_t looked_until;       /* of what came */
	int64_t late_least, late_most, late_since; /* what came, against the clock; negative: early */
	int64_t made_up_until;      /* what came before is not whole */
	int64_t open_until;
	int64_t turn_began;         /* the agent's latest, as it was sent */
	bool turn_is_new;           /* and has not come back yet */
	int64_t delay_looked;       /* when the delay was looked for last */
	struct aic_bulk_delay delay;
	struct aic_echo_gate gate;
	uint64_t openings, closed_samples;
};

static void watch_anew(struct aic_echo_guard *guard)
{
	guard->late_least = INT64_MAX;
	guard->late_most = INT64_MIN;
	guard->late_since = guard->came.end;
}

struct aic_echo_guard *aic_echo_guard_new(struct aic_audio_format format, enum aic_echo_sensitivity sensitivity,
	struct aic_fft *fft)
{
	struct aic_audio_format own = {.encoding = AIC_ENCODING_ULAW, .rate = AIC_ECHO_RATE};
	struct aic_echo_guard *guard = calloc(1, sizeof(*guard));

	if (!guard) {
		return NULL;
	}
	guard->fft = fft;
	guard->sent.transcoder = aic_transcoder_new(format, own);
	guard->came.transcoder = aic_transcoder_new(format, own);
	if (!guard->sent.transcoder || !guard->came.transcoder) {
		aic_echo_guard_free(guard);
		return NULL;
	}
	memset(guard->sent.samples, aic_silence_byte(AIC_ENCODING_ULAW), KEPT);
	memset(guard->came.samples, aic_silence_byte(AIC_ENCODING_ULAW), KEPT);
	watch_anew(guard);
	aic_bulk_delay_init(&guard->delay);
	aic_echo_gate_init(&guard->gate, sensitivity);
	return guard;
}

static void clear_side(struct side *side)
{
	aic_transcoder_free(side->transcoder);
	aic_buffer_free(&side->converted);
}

void aic_echo_guard_free(struct aic_echo_guard *guard)
{
	if (guard) {
		clear_side(&guard->sent);
		clear_side(&guard->came);
		free(guard);
	}
}

static int64_t at(uint64_t us)
{
	return (int64_t) (us * SAMPLES_A_MS / 1000);
}

/* Writes `length` samples behind the last one: `from`, or silence where it is NULL. */
static void put(struct side *side, const uint8_t *from, int64_t length)
{
	if (length > KEPT) {
		from = from ? from + (length - KEPT) : NULL;
		side->end += length - KEPT;
		length = KEPT;
	}
	while (length > 0) {
		size_t place = (size_t) side->end % KEPT;
		size_t part = KEPT - place < (size_t) length ? KEPT - place : (size_t) length;

		if (from) {
			memcpy(side->samples + place, from, part);
			from += part;
		} else {
			memset(side->samples + place, aic_silence_byte(AIC_ENCODING_ULAW), part);
		}
		side->end += (int64_t) part;
		length -= (int64_t) part;
	}
}

/* Goes on so many samples later on the time line, or earlier: what is there then is written over. */
static void move(struct side *side, int64_t by)
{
	if (by > 0) {
		put(side, NULL, by);
	} else {
		side->end += by;
	}
}

/* How much later than the side has got to that is; the first time, nothing. */
static int64_t lateness(struct side *side, int64_t begin)
{
	if (!side->has_begun) {
		side->has_begun = true;
		side->end = begin;
	}
	return begin - side->end;
}

/* What comes next begins at that time by the clock. */
static void keep_time(struct aic_echo_guard *guard, int64_t begin)
{
	struct side *side = &guard->came;
	int64_t late = lateness(side, begin), by = 0;

	guard->late_least = late < guard->late_least ? late : guard->late_least;
	guard->late_most = late > guard->late_most ? late : guard->late_most;
	if (late > CAME_LATE) {
		by = late;
	} else if (side->end >= guard->late_since + CAME_WATCHED) {
		by = guard->late_least > CAME_ALIKE ? guard->late_least : guard->late_most < -CAME_ALIKE ? guard->late_most : 0;
		watch_anew(guard);
	}
	if (by) {
		move(side, by);
		guard->made_up_until = side->end;
		guard->looked_until = guard->looked_until < side->end ? guard->looked_until : side->end;
		watch_anew(guard);
	}
}

static int convert(struct side *side, const uint8_t *bytes, size_t length)
{
	side->converted.length = 0;
	return aic_transcoder_run(side->transcoder, bytes, length, &side->converted);
}

int aic_echo_guard_sent(struct aic_echo_guard *guard, const uint8_t *bytes, size_t length, uint64_t now_us)
{
	struct side *side = &guard->sent;
	int64_t late;

	if (convert(side, bytes, length)) {
		return -1;
	}
	late = lateness(side, at(now_us));
	if (late > SENT_ALIKE || late < -SENT_ALIKE) {
		move(side, late);
	}
	put(side, side->converted.bytes, (int64_t) side->converted.length);
	if (aic_ulaw_square_sum(side->converted.bytes, side->converted.length) > AUDIBLE * side->converted.length) {
		int64_t begin = side->end - (int64_t) side->converted.length;

		if (begin > guard->sent_audible_until + TURN_PAUSE) {
			guard->turn_began = begin;
			guard->turn_is_new = true;
		}
		guard->sent_audible_until = side->end;
	}
	return 0;
}

/* `count` samples that are in the ring, in one piece, from `from` on. */
static void read_piece(const uint8_t *from, float *to, size_t count)
{
	int16_t linear[PIECE];

	for (size_t done = 0; done < count;) {
		size_t part = count - done < PIECE ? count - done : PIECE;

		aic_ulaw_decode(from + done, linear, part);
		for (size_t i = 0; i < part; i++) {
			to[done + i] = (float) linear[i] / 32768;
		}
		done += part;
	}
}

/* Reads `count` samples that end at `end` on the time line; those that are not there, or not any more, are silence. */
static void read_samples(const struct side *side, int64_t end, float *to, size_t count)
{
	int64_t begin = end - (int64_t) count, oldest = side->end > KEPT ? side->end - KEPT : 0;
	int64_t from = begin > oldest ? begin : oldest, until = end < side->end ? end : side->end;
	size_t there = from < until ? (size_t) (until - from) : 0;
	size_t place = (size_t) from % KEPT, first = KEPT - place < there ? KEPT - place : there;
	float *piece = to + (there ? from - begin : 0);

	memset(to, 0, (size_t) (piece - to) * sizeof(*to));
	read_piece(side->samples + place, piece, first);
	read_piece(side->samples, piece + first, there - first);
	memset(piece + there, 0, (size_t) (to + count - (piece + there)) * sizeof(*to));
}

static int64_t known_delay(const struct aic_echo_guard *guard)
{
	return guard->delay.known ? (int64_t) guard->delay.samples : 0;
}

/* Whether there may be an echo in the samples that a look takes: the agent's turn began long enough ago. */
static bool is_worth_a_look(const struct aic_echo_guard *guard, int64_t now)
{
	return now <= guard->sent_audible_until && now >= guard->turn_began + known_delay(guard) + AIC_CORRELATION_NEAR;
}

static void look_for_delay(struct aic_echo_guard *guard, int64_t now)
{
	struct aic_fft_input *input = aic_fft_input(guard->fft);
	int pause = aic_bulk_delay_pause(&guard->delay, now < guard->open_until);

	if (now < guard->delay_looked + pause || !is_worth_a_look(guard, now)) {
		return;
	}
	guard->delay_looked = now;
	read_samples(&guard->came, now, input->near, AIC_CORRELATION_NEAR);
	read_samples(&guard->sent, now, input->far, AIC_CORRELATION_FAR);
	aic_bulk_delay_look(&guard->delay, guard->fft, input->near, input->far);
}

/* What may be the caller may be the agent's voice that has begun to come back at another time, by a jitter buffer. */
static bool is_jump(struct aic_echo_guard *guard, int64_t now)
{
	struct aic_fft_input *input = aic_fft_input(guard->fft);

	if (!guard->delay.known || !is_worth_a_look(guard, now) || !aic_echo_gate_may_be_late(&guard->gate)) {
		return false;
	}
	read_samples(&guard->came, now, input->near, AIC_CORRELATION_NEAR);
	read_samples(&guard->sent, now, input->far, AIC_CORRELATION_FAR);
	if (!aic_bulk_delay_has_jumped(&guard->delay, guard->fft, input->near, input->far)) {
		return false;
	}
	aic_echo_gate_rest(&guard->gate);
	return true;
}

/* One hop of what came, which ends at `now`. */
static void look(struct aic_echo_guard *guard, int64_t now)
{
	struct aic_fft_input *input = aic_fft_input(guard->fft);
	bool is_heard = now < guard->sent_audible_until;

	look_for_delay(guard, now);
	read_samples(&guard->came, now, input->near, AIC_SPECTRUM_SAMPLES);
	read_samples(&guard->sent, now, input->far, AIC_SPECTRUM_SAMPLES);
	if (aic_echo_gate_look(&guard->gate, guard->fft, input->near, input->far,
		guard->delay.known ? (int) guard->delay.samples : -1, is_heard,
		now - AIC_SPECTRUM_SAMPLES >= guard->made_up_until)) {
		if (now >= guard->open_until && is_jump(guard, now)) {
			return;
		}
		guard->openings += now >= guard->open_until;
		guard->open_until = now + OPEN;
	} else if (guard->turn_is_new && now >= guard->turn_began + known_delay(guard)) {
		guard->open_until = guard->open_until < now ? guard->open_until : now;
		guard->turn_is_new = false;
	}
}

bool aic_echo_guard_came(struct aic_echo_guard *guard, const uint8_t *bytes, size_t length, uint64_t now_us)
{
	struct side *side = &guard->came;
	int64_t samples;

	if (convert(side, bytes, length)) {
		return true;
	}
	samples = (int64_t) side->converted.length;
	keep_time(guard, at(now_us) - samples);
	put(side, side->converted.bytes, samples);
	if (side->end > guard->sent_audible_until + AFTER || !guard->sent.has_begun) {
		guard->looked_until = side->end;
		aic_echo_gate_rest(&guard->gate);
		return true;
	}
	while (side->end - guard->looked_until >= AIC_ECHO_HOP) {
		/* After a gap what is missing is not looked at hop by hop. */
		if (side->end - guard->looked_until > KEPT / 2) {
			guard->looked_until = side->end - AIC_ECHO_HOP;
		}
		guard->looked_until += AIC_ECHO_HOP;
		look(guard, guard->looked_until);
	}
	if (side->end >= guard->open_until) {
		guard->closed_samples += (uint64_t) samples;
		return false;
	}
	return true;
}

void aic_echo_guard_report(const struct aic_echo_guard *guard, struct aic_echo_report *report)
{
	*report = (struct aic_echo_report) {
		.delay_ms = guard->delay.known ? (int) guard->delay.samples / SAMPLES_A_MS : -1,
		.return_db = aic_echo_gate_return_db(&guard->gate),
		.openings = guard->openings,
		.closed_ms = guard->closed_samples / SAMPLES_A_MS,
	};
}
