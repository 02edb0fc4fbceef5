/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "container_of.h"
#include "link_state.h"

static void set_playout_timer(struct aic_link *link)
{
	uint64_t deadline_us = link->has_line ? aic_playout_deadline(&link->playout) : UINT64_MAX;
	bool is_lax = deadline_us != UINT64_MAX && aic_playout_deadline_is_lax(&link->playout);

	aic_event_loop_set_prompt_timer(link->loop, &link->playout_timer, is_lax ? UINT64_MAX : deadline_us);
	/* One that is set for too early fires, and is set anew: cheaper than to move it with each frame that comes. */
	if (!is_lax || !link->lax_timer.is_set) {
		aic_event_loop_set_timer(link->loop, &link->lax_timer, is_lax ? deadline_us : UINT64_MAX);
	}
}

/* --- from the caller, where another thread reads the line --- */

bool aic_link_feed_audio(struct aic_link *link, const uint8_t *bytes, size_t length)
{
	bool taken = aic_byte_ring_write(&link->audio, bytes, length);

	if (!taken) {
		atomic_fetch_add_explicit(&link->refused_frames, 1, memory_order_relaxed);
	}
	link->bytes_since_wake += length;
	if (link->bytes_since_wake >= link->wake_bytes) {
		link->bytes_since_wake = 0;
		link_wake(link);
	}
	return taken;
}

void aic_link_feed_key(struct aic_link *link, char key)
{
	/* A ring full of keys means that the loop's thread is stuck; then a lost key is the least of it. */
	aic_byte_ring_write(&link->digits, (const uint8_t *) &key, 1);
	link_wake(link);
}

/* The caller was heard for the first time. */
static void let_greeting_go(struct aic_link *link)
{
	link->greeting_waits = false;
	if (link->has_line) {
		aic_playout_begin_at(&link->playout, link->greeting_us);
		set_playout_timer(link);
	}
}

static void hear_caller(struct aic_link *link, const uint8_t *bytes, size_t length)
{
	if (link->greeting_waits) {
		let_greeting_go(link);
	}
	aic_conversation_caller_audio(link->conversation, bytes, length, aic_now_us());
}

void link_drain_rings(struct aic_link *link)
{
	const uint8_t *bytes;
	size_t length;

	while ((bytes = aic_byte_ring_peek(&link->audio, &length)), length) {
		hear_caller(link, bytes, length);
		aic_byte_ring_consume(&link->audio, length);
	}
	while ((bytes = aic_byte_ring_peek(&link->digits, &length)), length) {
		for (size_t i = 0; i < length; i++) {
			aic_conversation_dtmf(link->conversation, (char) bytes[i], aic_now_us());
		}
		aic_byte_ring_consume(&link->digits, length);
	}
}

/* --- from the caller, where the loop reads the line --- */

/* What came before another thread gave the line back goes first. */
static bool take_up(struct aic_link *link)
{
	if (!link->running) {
		return false;
	}
	aic_link_hold(link);
	link_drain_rings(link);
	return true;
}

static void put_down(struct aic_link *link)
{
	link_pump_and_send(link);
	aic_link_release(link);
}

void aic_link_caller_audio(struct aic_link *link, const uint8_t *bytes, size_t length)
{
	if (take_up(link)) {
		hear_caller(link, bytes, length);
		put_down(link);
	}
}

void aic_link_key(struct aic_link *link, char key)
{
	if (take_up(link)) {
		aic_conversation_dtmf(link->conversation, key, aic_now_us());
		put_down(link);
	}
}

void aic_link_set_on_hold(struct aic_link *link, bool on_hold)
{
	if (atomic_exchange(&link->hold_wanted, on_hold) != on_hold) {
		link_wake(link);
	}
}

/* --- to the caller --- */

void link_set_up_line(struct aic_link *link, const struct aic_conversation_setup *setup)
{
	const struct aic_settings *settings = setup->agent.settings;
	double level_dbfs = settings->idle_audio == AIC_IDLE_AUDIO_COMFORT_NOISE ? (double) settings->comfort_noise_dbfs
		: AIC_IDLE_SILENCE_DBFS;

	link->has_idle_audio = (settings->idle_audio != AIC_IDLE_AUDIO_NONE || link->host.ambience)
		&& link->host.line->kind->write_idle;
	link->greeting_delay_us = (uint64_t) settings->greeting_delay_ms * 1000;
	link->greeting_wait_us = (uint64_t) settings->greeting_wait_ms * 1000;
	/* Where another thread reads the line, its first packet is not to wait for a chunk. */
	link->bytes_since_wake = link->greeting_wait_us ? link->wake_bytes : 0;
	/* Any number will do that other calls do not have. */
	aic_idle_audio_init(&link->idle_audio, setup->line_format, level_dbfs, (uint32_t) ((uintptr_t) link >> 4));
	if (link->host.ambience) {
		aic_ambience_init(&link->idle_audio.ambience, setup->line_format, link->host.ambience,
			(double) settings->ambience_dbfs);
	}
}

void link_begin_line(struct aic_link *link)
{
	uint64_t now_us = aic_now_us();

	if (!link->has_line) {
		return;
	}
	if (link->has_idle_audio) {
		aic_playout_begin_idle(&link->playout, &link->idle_audio, now_us);
	}
	link->greeting_us = now_us + link->greeting_delay_us;
	link->greeting_waits = link->greeting_wait_us > link->greeting_delay_us;
	aic_playout_begin_at(&link->playout, now_us + (link->greeting_waits ? link->greeting_wait_us
		: link->greeting_delay_us));
	set_playout_timer(link);
}

/* What the agent has said is kept while it goes on: one that has ended is not waited for. */
static void pause_playout(struct aic_link *link, enum aic_pause reason, bool paused)
{
	if (!link->has_line || !(link->playout.pauses & (unsigned int) reason) != paused) {
		return;
	}
	aic_playout_pause(&link->playout, reason, paused, aic_now_us());
	set_playout_timer(link);
	/* Nobody is there to hear anything else in its place while it is seen whether the agent goes on. */
	if (paused && reason == AIC_PAUSE_HOLD && link->host.on_silent) {
		link->host.on_silent(link->user);
	}
}

void link_attend_to_hold(struct aic_link *link)
{
	bool on_hold = atomic_load(&link->hold_wanted);

	if (on_hold != link->on_hold) {
		link->on_hold = on_hold;
		aic_conversation_hold(link->conversation, on_hold, aic_now_us());
		pause_playout(link, AIC_PAUSE_HOLD, on_hold && !link->ended);
	}
}

void link_check_finished(struct aic_link *link)
{
	if (!link->ended || !link->has_line || link->told_finished) {
		return;
	}
	if (link->play_out && aic_playout_has_audio(&link->playout)) {
		return;
	}
	link->told_finished = !link->host.on_finished || link->host.on_finished(link->user);
	if (!link->told_finished) {
		aic_event_loop_set_timer(link->loop, &link->lax_timer, aic_now_us() + AIC_FRAME_US);
	}
}

static void attend_to_playout(struct aic_link *link)
{
	bool was_playing = link->playout.playing;

	aic_link_hold(link);
	aic_playout_attend(&link->playout, aic_now_us());
	set_playout_timer(link);
	if (was_playing && !link->playout.playing && link->host.on_silent) {
		link->host.on_silent(link->user);
	}
	link_check_finished(link);
	aic_link_release(link);
}

void link_on_playout_timer(struct aic_timer *timer)
{
	attend_to_playout(AIC_CONTAINER_OF(timer, struct aic_link, playout_timer));
}

void link_on_lax_timer(struct aic_timer *timer)
{
	attend_to_playout(AIC_CONTAINER_OF(timer, struct aic_link, lax_timer));
}

void link_on_event(void *user, const struct aic_event *event)
{
	struct aic_link *link = user;

	switch (event->type) {
	case AIC_EVENT_AUDIO:
		if (link->has_line) {
			aic_playout_arrived(&link->playout, event->audio.appended_bytes, aic_now_us());
			set_playout_timer(link);
		}
		break;
	case AIC_EVENT_INTERRUPTION:
		aic_playout_interrupted(&link->playout);
		set_playout_timer(link);
		break;
	case AIC_EVENT_PAUSE:
		pause_playout(link, AIC_PAUSE_BARGE_IN, event->pause.is_on);
		break;
	case AIC_EVENT_ENDED:
		link->ended = true;
		link->play_out = event->ended->play_out;
		pause_playout(link, AIC_PAUSE_HOLD, false);
		pause_playout(link, AIC_PAUSE_BARGE_IN, false);
		break;
	default:
		break;
	}
	link->on_event(link->user, event);
	if (event->type == AIC_EVENT_ENDED) {
		link_check_finished(link);
	}
}

void aic_link_leave_line(struct aic_link *link)
{
	if (link->has_line) {
		link->has_line = false;
		set_playout_timer(link);
		if (link->host.line->kind->left) {
			link->host.line->kind->left(link->host.line);
		}
	}
}

void aic_link_lose_line(struct aic_link *link)
{
	atomic_store(&link->line_is_lost, true);
	link_wake(link);
}

uint64_t aic_link_late_frames(const struct aic_link *link)
{
	return link->playout.late;
}

uint64_t aic_link_idle_frames(const struct aic_link *link)
{
	return link->playout.idle_frames;
}
