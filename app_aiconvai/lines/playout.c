/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "playout.h"

#include "fade.h"
#include "pace.h"

#include <stdlib.h>

int aic_playout_init(struct aic_playout *playout, struct aic_playout_queue *queue, struct aic_line *line)
{
	*playout = (struct aic_playout) {.queue = queue, .line = line};
	playout->buffer = malloc(AIC_LINE_HEADROOM + aic_playout_queue_frame_bytes(queue));
	playout->idle_buffer = malloc(AIC_LINE_HEADROOM + aic_playout_queue_frame_bytes(queue));
	return playout->buffer && playout->idle_buffer ? 0 : -1;
}

void aic_playout_clear(struct aic_playout *playout)
{
	free(playout->buffer);
	free(playout->idle_buffer);
	*playout = (struct aic_playout) {0};
}

void aic_playout_listen(struct aic_playout *playout,
	void (*on_heard)(void *user, const uint8_t *frame, size_t bytes, uint64_t now_us), void *user)
{
	playout->on_heard = on_heard;
	playout->user = user;
}

bool aic_playout_has_audio(const struct aic_playout *playout)
{
	return playout->frame_waits || !aic_playout_queue_is_empty(playout->queue);
}

enum played {
	PLAYED,
	HELD_BACK, /* nothing is to be played yet: ask again in AIC_FRAME_MS */
	NOTHING,   /* is queued */
	BUSY,      /* the line did not take it: it is kept */
};

/* Nothing of the agent's is written for the time being. */
static bool is_silent(const struct aic_playout *playout)
{
	return playout->pauses && !playout->falls_silent;
}

/* A frame for the time from `from_us` on was written. */
static void note_filled(struct aic_playout *playout, uint64_t from_us)
{
	if (playout->filled_until_us < from_us) {
		playout->filled_until_us = from_us;
	}
	playout->filled_until_us += AIC_FRAME_US;
}

/* A frame that is the last one for a while, or the first one after it. */
static void shape(struct aic_playout *playout, uint8_t *frame)
{
	struct aic_audio_format format = aic_playout_queue_format(playout->queue);
	size_t length = aic_playout_queue_frame_bytes(playout->queue);

	if (playout->falls_silent && !playout->has_faded) {
		aic_fade_out(format, frame, length);
		playout->has_faded = true;
	} else if (playout->fades_in) {
		aic_fade_in(format, frame, length);
	}
	playout->fades_in = false;
}

/* Offers the line the frame that waits, or the next one of the queue, which is to be heard from `due_us` on. */
static enum played play_frame(struct aic_playout *playout, uint64_t due_us, uint64_t now_us)
{
	uint8_t *frame = playout->buffer + AIC_LINE_HEADROOM;

	if (!playout->frame_waits) {
		switch (aic_playout_queue_take(playout->queue, frame)) {
		case AIC_PLAYOUT_HOLD:
			return HELD_BACK;
		case AIC_PLAYOUT_EMPTY:
			return NOTHING;
		case AIC_PLAYOUT_FRAME:
			break;
		}
	}
	if (playout->falls_silent || playout->fades_in) {
		shape(playout, frame);
	}
	if (playout->idle.ambience.loop && !playout->frame_waits) {
		aic_ambience_add(&playout->idle.ambience, frame, aic_playout_queue_frame_bytes(playout->queue));
	}
	/* Before the line has it, which may write into it. */
	if (playout->on_heard && !playout->frame_waits) {
		playout->on_heard(playout->user, frame, aic_playout_queue_frame_bytes(playout->queue), now_us);
	}
	if (aic_line_write(playout->line, frame, aic_playout_queue_frame_bytes(playout->queue)) == AIC_LINE_BUSY) {
		playout->late += playout->frame_waits;
		playout->frame_waits = true;
		playout->retry_us = now_us + AIC_LINE_RETRY_US;
		return BUSY;
	}
	playout->frame_waits = playout->falls_silent = playout->has_faded = false;
	playout->retry_us = 0;
	playout->frames++;
	playout->idling = false;
	note_filled(playout, due_us);
	return PLAYED;
}

static void note_drained(struct aic_playout *playout)
{
	playout->drained = aic_playout_queue_is_empty(playout->queue);
}

/* Writes the frames that are due. */
static void play_due(struct aic_playout *playout, uint64_t now_us)
{
	uint64_t due_us = aic_pace_due_now(playout->due_us, now_us);
	enum played played = PLAYED;

	while (due_us <= now_us && played != NOTHING && played != BUSY && !is_silent(playout)) {
		played = play_frame(playout, due_us, now_us);
		if (played == PLAYED || played == HELD_BACK) {
			due_us = aic_pace_due_after_frame(due_us, playout->crowded);
			playout->crowded = false;
		}
	}
	playout->due_us = due_us;
	if (played == NOTHING) {
		playout->due_us = 0;
		playout->playing = playout->drained = playout->falls_silent = false;
	} else if (played != BUSY) {
		note_drained(playout);
	}
}

/* Whether frames were queued before: what is appended to them is played in its turn. */
static bool is_in_order(const struct aic_playout *playout)
{
	return playout->playing && !playout->drained;
}

void aic_playout_begin_at(struct aic_playout *playout, uint64_t us)
{
	playout->not_before_us = us;
	if (playout->playing && !playout->frames) {
		playout->due_us = us;
	}
}

/* Plays the first frame of what came while nothing was queued, if it may go now. */
static void play_arrival(struct aic_playout *playout, uint64_t now_us)
{
	size_t queued = aic_playout_queue_bytes(playout->queue) / aic_playout_queue_frame_bytes(playout->queue);

	playout->playing = true;
	playout->drained = false;
	if (now_us < playout->not_before_us) {
		playout->due_us = playout->not_before_us;
		return;
	}
	/* A part of a frame may still become a whole one by its time. */
	if (!queued || !aic_pace_plays_arrival(playout->due_us, now_us, queued)) {
		playout->crowded = aic_pace_is_crowded(queued);
		return;
	}
	switch (play_frame(playout, now_us, now_us)) {
	case PLAYED:
		playout->due_us = aic_pace_due_after_arrival(now_us, queued);
		note_drained(playout);
		break;
	case HELD_BACK:
		playout->due_us = now_us + AIC_FRAME_US;
		break;
	case BUSY:
		playout->due_us = now_us;
		break;
	case NOTHING:
		break;
	}
}

static void go_on(struct aic_playout *playout, enum aic_pause after, uint64_t now_us)
{
	if (playout->has_faded) {
		/* The queue has gone back to before it. */
		playout->frame_waits = false;
	}
	playout->falls_silent = playout->has_faded = false;
	if (!aic_playout_has_audio(playout)) {
		return;
	}
	playout->fades_in = after == AIC_PAUSE_BARGE_IN;
	playout->playing = true;
	playout->drained = playout->crowded = false;
	playout->due_us = playout->retry_us = now_us;
}

void aic_playout_pause(struct aic_playout *playout, enum aic_pause reason, bool paused, uint64_t now_us)
{
	unsigned int before = playout->pauses;

	playout->pauses = paused ? before | reason : before & ~(unsigned int) reason;
	if (paused && !before) {
		playout->falls_silent = reason == AIC_PAUSE_BARGE_IN && playout->playing && aic_playout_has_audio(playout);
	} else if (before && !playout->pauses) {
		go_on(playout, reason, now_us);
	}
}

void aic_playout_arrived(struct aic_playout *playout, size_t appended_bytes, uint64_t now_us)
{
	if (playout->pauses) {
		return;
	}
	if (is_in_order(playout)) {
		size_t queued = aic_playout_queue_bytes(playout->queue);

		if (queued > appended_bytes && aic_pace_is_crowded((queued - appended_bytes)
			/ aic_playout_queue_frame_bytes(playout->queue))) {
			playout->crowded = true;
		}
		return;
	}
	play_arrival(playout, now_us);
}

void aic_playout_interrupted(struct aic_playout *playout)
{
	playout->frame_waits = false;
	playout->retry_us = 0;
	if (playout->line->kind->interrupted) {
		playout->line->kind->interrupted(playout->line);
	}
}

void aic_playout_begin_idle(struct aic_playout *playout, const struct aic_idle_audio *idle, uint64_t now_us)
{
	playout->has_idle = playout->idling = true;
	playout->idle = *idle;
	playout->filled_until_us = now_us;
}

/* When the agent's audio is to be attended to. */
static uint64_t agent_deadline(const struct aic_playout *playout)
{
	if (!playout->playing || is_silent(playout)) {
		return UINT64_MAX;
	}
	if (playout->frame_waits) {
		return playout->retry_us;
	}
	return playout->drained ? aic_pace_dry_check(playout->due_us) : playout->due_us;
}

/* When the line is to be given idle audio. Not while a frame waits for it: it could not take that either. */
static uint64_t idle_deadline(const struct aic_playout *playout)
{
	if (!playout->has_idle || (playout->frame_waits && !is_silent(playout))) {
		return UINT64_MAX;
	}
	if (playout->idle_retry_us) {
		return playout->idle_retry_us;
	}
	return playout->filled_until_us + (playout->idling ? 0 : AIC_PACE_IDLE_AFTER_US);
}

uint64_t aic_playout_deadline(const struct aic_playout *playout)
{
	uint64_t agent_us = agent_deadline(playout), idle_us = idle_deadline(playout);

	return agent_us < idle_us ? agent_us : idle_us;
}

bool aic_playout_deadline_is_lax(const struct aic_playout *playout)
{
	return !playout->playing || is_silent(playout) || (playout->drained && !playout->frame_waits);
}

/* Fills the line up to now. */
static void idle(struct aic_playout *playout, uint64_t now_us)
{
	uint8_t *frame = playout->idle_buffer + AIC_LINE_HEADROOM;
	enum aic_line_written written = AIC_LINE_WRITTEN;

	if (now_us > playout->filled_until_us + AIC_PACE_IDLE_BEHIND_MAX_US) {
		playout->filled_until_us = now_us;
	}
	while (playout->filled_until_us <= now_us && written == AIC_LINE_WRITTEN) {
		aic_idle_audio_next(&playout->idle, frame);
		written = playout->line->kind->write_idle(playout->line, frame,
			aic_playout_queue_frame_bytes(playout->queue));
		if (written == AIC_LINE_WRITTEN) {
			playout->idle_frames++;
			playout->filled_until_us += AIC_FRAME_US;
		}
	}
	/* Who is busy for a moment is owed the frame; who listens to somebody else is not. */
	playout->idle_retry_us = written == AIC_LINE_BUSY ? now_us + AIC_LINE_RETRY_US : 0;
	if (written == AIC_LINE_TAKEN) {
		playout->filled_until_us = now_us + AIC_FRAME_US;
	}
	playout->idling = true;
}

void aic_playout_attend(struct aic_playout *playout, uint64_t now_us)
{
	if (agent_deadline(playout) <= now_us) {
		play_due(playout, now_us);
	}
	if (idle_deadline(playout) <= now_us) {
		idle(playout, now_us);
	}
}
