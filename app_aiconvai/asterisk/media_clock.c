/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A session in the clock's care is in one of SLOTS slots, one for each tick; at tick n those in slot n mod SLOTS are visited whose
 * `visit_tick` it is. ast_write() gives up silently where it cannot get the channel's lock, so the lock is tried here first; a
 * session whose channel is busy keeps its frame (it is only taken from the queue with the lock held) and is tried again
 * every tick, while all others go on.
 *
 * Frames that come while nothing is queued are played by the thread that decoded them (media_clock_play_arrival()). Then nothing is to be done
 * here but to look, from time to time, whether they still come.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/frame.h"
#include "asterisk/lock.h"
#include "asterisk/logger.h"

#include "media_clock.h"
#include "pace.h"
#include "session.h"
#include "thread.h"
#include "waiting_sound.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* More than the ticks from one visit of a session to the next. */
#define SLOTS 64

#define US_PER_TICK 1000

/* After a standstill longer than this (a suspended machine) the clock starts from now and does not catch up. */
#define STANDSTILL_US 500000

static struct {
	pthread_t thread;
	ast_mutex_t lock;
	ast_cond_t armed_or_stopping;
	struct session *armed;    /* guarded by the lock; each one holds a reference */
	uint64_t sleeps_until_us; /* guarded by the lock; 0: awake, or woken */
	int stopping;             /* guarded by the lock */

	/* The thread's own. A session in the clock's care is in a slot, which is one reference. */
	uint64_t start_us; /* when tick 0 was */
	uint64_t tick;     /* the next one */
	AST_DLLIST_HEAD_NOLOCK(, session) slots[SLOTS];
	unsigned int in_care;
	AST_DLLIST_HEAD_NOLOCK(, session) busy; /* of those in care: the channel's lock was not free, to be tried again */

	atomic_uint_fast64_t frames, busy_channels, late_us_max;
} media_clock;

enum attendance {
	GO_ON,   /* there may be more at the next frame */
	AT_REST, /* nothing to do until the session is armed again */
	BUSY,    /* the channel's lock was not free */
};

_Static_assert(SLOTS * US_PER_TICK > AIC_FRAME_US + AIC_PACE_CHECK_AFTER_US + AIC_PACE_CHECK_US, "a slot comes round later than the next visit");

/*
 * ast_write() for a thread that is not the channel's own. While that one waits for a frame it has the channel marked as blocked by
 * itself; ast_write() would log that for every frame, and take the mark away. The channel is locked, so that it is ours to put by.
 */
static void write_beside_channel_thread(struct ast_channel *channel, struct ast_frame *frame)
{
	int blocked = ast_test_flag(ast_channel_flags(channel), AST_FLAG_BLOCKING) != 0;
	const char *procedure = ast_channel_blockproc(channel);
	pthread_t blocker = ast_channel_blocker(channel);
	int blocker_tid = ast_channel_blocker_tid(channel);

	ast_clear_flag(ast_channel_flags(channel), AST_FLAG_BLOCKING);
	ast_write(channel, frame);
	if (blocked) {
		ast_channel_blocker_set(channel, blocker);
		ast_channel_blocker_tid_set(channel, blocker_tid);
		ast_channel_blockproc_set(channel, procedure);
		ast_set_flag(ast_channel_flags(channel), AST_FLAG_BLOCKING);
	}
}

/* Writes one frame, if there is one. The channel is locked. */
static enum aic_playout_frame play_frame(struct session *session, struct ast_channel *channel)
{
	uint8_t buffer[AST_FRIENDLY_OFFSET + AIC_FRAME_BYTES_MAX];
	size_t bytes = aic_playout_queue_frame_bytes(session->playout);
	struct ast_frame frame = {
		.frametype = AST_FRAME_VOICE,
		.subclass.format = session->line_ast_format,
		.data.ptr = buffer + AST_FRIENDLY_OFFSET,
		.datalen = (int) bytes,
		.samples = (int) (bytes / aic_sample_bytes(session->line_format)),
		.offset = AST_FRIENDLY_OFFSET,
		.src = session_frame_source,
	};
	enum aic_playout_frame result = aic_playout_queue_take(session->playout, buffer + AST_FRIENDLY_OFFSET);

	if (result == AIC_PLAYOUT_FRAME) {
		if (waiting_sound_give_way(session, channel)) {
			session_call_thread_now(session, channel);
		}
		write_beside_channel_thread(channel, &frame);
		atomic_fetch_add_explicit(&session->frames_played, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&media_clock.frames, 1, memory_order_relaxed);
	}
	return result;
}

/* Whether the conversation is over and what should still be heard has been. */
static int is_finished(struct session *session)
{
	int finished;

	/* Asked for every frame, and nearly always no. */
	if (!atomic_load(&session->ended)) {
		return 0;
	}
	ao2_lock(session);
	finished = !session->outcome.play_out || aic_playout_queue_is_empty(session->playout);
	ao2_unlock(session);
	return finished;
}

/*
 * Notes whether the queue was left empty. Said first, looked again then: who appends after that look finds `drained` true, and plays the
 * frame itself. The channel is locked.
 */
static void note_drained(struct session *session)
{
	bool empty = aic_playout_queue_is_empty(session->playout);

	if (empty) {
		atomic_store(&session->drained, true);
		empty = aic_playout_queue_is_empty(session->playout);
	}
	if (!empty) {
		atomic_store(&session->drained, false);
	}
}

/* Plays the frames that are due. The channel is locked. */
static enum attendance play_due(struct session *session, struct ast_channel *channel)
{
	uint64_t now_us = aic_now_us();
	uint64_t due_us = aic_pace_due_now(atomic_load(&session->due_us), now_us);
	enum aic_playout_frame played = AIC_PLAYOUT_FRAME;

	while (due_us <= now_us && played != AIC_PLAYOUT_EMPTY) {
		played = play_frame(session, channel);
		if (played != AIC_PLAYOUT_EMPTY) {
			due_us = aic_pace_due_after_frame(due_us, atomic_exchange(&session->crowded, false));
		}
	}
	atomic_store(&session->due_us, due_us);
	if (played != AIC_PLAYOUT_EMPTY) {
		note_drained(session);
		return GO_ON;
	}
	/* Like note_drained(): who appends after the look plays the frame itself. */
	atomic_store(&session->due_us, 0);
	atomic_store(&session->playing, false);
	if (aic_playout_queue_is_empty(session->playout)) {
		return AT_REST;
	}
	atomic_store(&session->playing, true);
	atomic_store(&session->drained, false);
	return GO_ON;
}

/* Does what is to be done for the session now: the frames that are due, or the end. */
static enum attendance attend(struct session *session)
{
	struct ast_channel *channel = session_channel(session);
	enum attendance attendance;

	if (!channel) {
		return AT_REST;
	}
	if (ast_channel_trylock(channel)) {
		ast_channel_unref(channel);
		atomic_fetch_add_explicit(&media_clock.busy_channels, 1, memory_order_relaxed);
		return BUSY;
	}
	if (session->channel != channel) {
		/* The call ended, or moved to another channel, before we had the lock. */
		attendance = BUSY;
	} else {
		attendance = is_finished(session) ? AT_REST : play_due(session, channel);
		if (is_finished(session)) {
			session_finish(session, channel);
			attendance = AT_REST;
		} else if (atomic_load(&session->thread_call) == THREAD_TO_BE_CALLED || (attendance == AT_REST && atomic_load(&session->open_tools))) {
			/* Where the agent has fallen silent while a tool runs there is something to be heard instead. */
			session_call_thread_now(session, channel);
		}
	}
	ast_channel_unlock(channel);
	ast_channel_unref(channel);
	return attendance;
}

static void leave_busy(struct session *session)
{
	if (session->busy) {
		AST_DLLIST_REMOVE(&media_clock.busy, session, busy_entry);
		session->busy = 0;
	}
}

static uint64_t time_of_tick(uint64_t tick)
{
	return media_clock.start_us + tick * US_PER_TICK;
}

/* The first tick that is not before that time. */
static uint64_t tick_at(uint64_t us)
{
	return us > media_clock.start_us ? (us - media_clock.start_us + US_PER_TICK - 1) / US_PER_TICK : 0;
}

/* Puts the session where it is visited next; it is in no slot. */
static void plan_visit(struct session *session)
{
	uint64_t due_us = atomic_load(&session->due_us);
	uint64_t tick = tick_at(atomic_load(&session->drained) ? aic_pace_dry_check(due_us) : due_us);

	session->visit_tick = tick > media_clock.tick ? tick : media_clock.tick;
	AST_DLLIST_INSERT_TAIL(&media_clock.slots[session->visit_tick % SLOTS], session, slot_entry);
}

static void leave_slot(struct session *session)
{
	AST_DLLIST_REMOVE(&media_clock.slots[session->visit_tick % SLOTS], session, slot_entry);
}

/* The same for one that is in a slot. */
static void plan_next_visit(struct session *session)
{
	leave_slot(session);
	plan_visit(session);
}

/* Takes the session into the clock's care, which the caller's reference becomes. */
static void enter_care(struct session *session)
{
	atomic_store(&session->playing, true);
	session->in_care = 1;
	media_clock.in_care++;
	plan_visit(session);
}

static void leave_care(struct session *session)
{
	leave_busy(session);
	leave_slot(session);
	session->in_care = 0;
	media_clock.in_care--;
	ao2_ref(session, -1);
}

/* Attends to a session in the clock's care and sees where it belongs then. */
static void serve(struct session *session)
{
	switch (attend(session)) {
	case GO_ON:
		leave_busy(session);
		plan_next_visit(session);
		break;
	case BUSY:
		if (!session->busy) {
			session->busy = 1;
			AST_DLLIST_INSERT_TAIL(&media_clock.busy, session, busy_entry);
		}
		break;
	case AT_REST:
		leave_care(session);
		break;
	}
}

/* Sessions that were armed since the last round; each comes with a reference. */
static void serve_armed(struct session *armed)
{
	while (armed) {
		struct session *session = armed;

		ast_mutex_lock(&media_clock.lock);
		armed = session->next_armed;
		session->armed = 0;
		ast_mutex_unlock(&media_clock.lock);
		if (!session->in_care) {
			enter_care(session);
		} else {
			ao2_ref(session, -1);
			plan_next_visit(session);
		}
		/* The end should not wait for a deadline. */
		if (atomic_load(&session->due_us) <= aic_now_us() || is_finished(session)) {
			serve(session);
		}
	}
}

static void retry_busy(void)
{
	struct session *session;

	AST_DLLIST_TRAVERSE_SAFE_BEGIN(&media_clock.busy, session, busy_entry) {
		atomic_fetch_add_explicit(&session->frames_late, 1, memory_order_relaxed);
		serve(session);
	}
	AST_DLLIST_TRAVERSE_SAFE_END;
}

static void serve_slot(uint64_t tick)
{
	uint64_t tick_us = time_of_tick(tick);
	struct session *session;

	AST_DLLIST_TRAVERSE_SAFE_BEGIN(&media_clock.slots[tick % SLOTS], session, slot_entry) {
		if (session->visit_tick > tick || session->busy) {
			continue;
		}
		if (atomic_load(&session->due_us) > tick_us) {
			/* Its frames were played as they came. */
			plan_next_visit(session);
		} else {
			serve(session);
		}
	}
	AST_DLLIST_TRAVERSE_SAFE_END;
}

/* The next tick with something to do, from the next one on. */
static uint64_t next_tick_with_work(void)
{
	if (!AST_DLLIST_EMPTY(&media_clock.busy)) {
		return media_clock.tick;
	}
	for (uint64_t tick = media_clock.tick; tick < media_clock.tick + SLOTS; tick++) {
		if (!AST_DLLIST_EMPTY(&media_clock.slots[tick % SLOTS])) {
			return tick;
		}
	}
	return media_clock.tick;
}

/* Waits for something to do. Returns 0 when the clock is to stop. */
static int wait_for_work(struct session **armed)
{
	uint64_t deadline_us = time_of_tick(next_tick_with_work());
	struct timespec deadline = {.tv_sec = (time_t) (deadline_us / 1000000), .tv_nsec = (long) (deadline_us % 1000000) * 1000};
	int idle = !media_clock.in_care;
	int timed_out = 0, go_on;

	ast_mutex_lock(&media_clock.lock);
	while (!media_clock.armed && !media_clock.stopping && !timed_out) {
		media_clock.sleeps_until_us = idle ? UINT64_MAX : deadline_us;
		if (idle) {
			ast_cond_wait(&media_clock.armed_or_stopping, &media_clock.lock);
		} else {
			timed_out = ast_cond_timedwait(&media_clock.armed_or_stopping, &media_clock.lock, &deadline) == ETIMEDOUT;
		}
	}
	media_clock.sleeps_until_us = 0;
	*armed = media_clock.armed;
	media_clock.armed = NULL;
	go_on = !media_clock.stopping;
	ast_mutex_unlock(&media_clock.lock);
	return go_on;
}

static void serve_due_slots(void)
{
	uint64_t now_us = aic_now_us();
	uint64_t due_us = time_of_tick(next_tick_with_work());

	if (media_clock.in_care && now_us > due_us) {
		if (now_us - due_us > atomic_load_explicit(&media_clock.late_us_max, memory_order_relaxed)) {
			atomic_store_explicit(&media_clock.late_us_max, now_us - due_us, memory_order_relaxed);
		}
		if (now_us - due_us > STANDSTILL_US) {
			media_clock.tick = tick_at(now_us);
		}
	}
	while (time_of_tick(media_clock.tick) <= now_us) {
		retry_busy();
		serve_slot(media_clock.tick++);
		if (!media_clock.in_care && media_clock.tick < tick_at(now_us)) {
			/* Never back: where now is a tick to the microsecond, that one was just served. */
			media_clock.tick = tick_at(now_us);
		}
	}
}

static void *run(void *arg)
{
	struct session *armed;

	(void) arg;
	while (wait_for_work(&armed)) {
		serve_due_slots();
		serve_armed(armed);
	}
	return NULL;
}

int media_clock_start(void)
{
	pthread_condattr_t attributes;

	for (int i = 0; i < SLOTS; i++) {
		AST_DLLIST_HEAD_INIT_NOLOCK(&media_clock.slots[i]);
	}
	AST_DLLIST_HEAD_INIT_NOLOCK(&media_clock.busy);
	media_clock.armed = NULL;
	media_clock.sleeps_until_us = 0;
	media_clock.stopping = 0;
	media_clock.in_care = 0;
	media_clock.tick = 0;
	media_clock.start_us = aic_now_us();
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	ast_mutex_init(&media_clock.lock);
	ast_cond_init(&media_clock.armed_or_stopping, &attributes);
	pthread_condattr_destroy(&attributes);
	if (aic_thread_start(&media_clock.thread, "aiconvai-clock", run, NULL)) {
		ast_cond_destroy(&media_clock.armed_or_stopping);
		ast_mutex_destroy(&media_clock.lock);
		return -1;
	}
	return 0;
}

void media_clock_stop(void)
{
	ast_mutex_lock(&media_clock.lock);
	media_clock.stopping = 1;
	ast_cond_signal(&media_clock.armed_or_stopping);
	ast_mutex_unlock(&media_clock.lock);
	pthread_join(media_clock.thread, NULL);
	ast_cond_destroy(&media_clock.armed_or_stopping);
	ast_mutex_destroy(&media_clock.lock);
}

/* Has the clock look at the session at that time at the latest. Most times it is awake before, for another one: to wake a thread costs as much as to play a frame. */
static void attend_by(struct session *session, uint64_t us)
{
	bool wake;

	ast_mutex_lock(&media_clock.lock);
	if (!session->armed) {
		session->armed = 1;
		ao2_ref(session, +1);
		session->next_armed = media_clock.armed;
		media_clock.armed = session;
	}
	wake = us < media_clock.sleeps_until_us;
	if (wake) {
		media_clock.sleeps_until_us = 0;
	}
	ast_mutex_unlock(&media_clock.lock);
	/* After the lock, which the woken thread takes first of all. */
	if (wake) {
		ast_cond_signal(&media_clock.armed_or_stopping);
	}
}

void media_clock_attend(struct session *session)
{
	attend_by(session, 0);
}

/* Whether frames were queued before: the clock plays what is appended to them in its turn. */
static bool is_in_order(struct session *session)
{
	return atomic_load(&session->playing) && !atomic_load(&session->drained);
}

static size_t queued_bytes(struct session *session)
{
	struct aic_playout_stats stats;

	aic_playout_queue_stats(session->playout, &stats);
	return stats.queued_bytes;
}

/* Plays the first frame of what came while nothing was queued, if it may go now. The channel is locked. Returns whether the clock has to go on. */
static bool play_arrival(struct session *session, struct ast_channel *channel)
{
	uint64_t now_us = aic_now_us();
	size_t queued = queued_bytes(session) / aic_playout_queue_frame_bytes(session->playout);

	if (is_in_order(session)) {
		return false;
	}
	atomic_store(&session->drained, false);
	/* A part of a frame may still become a whole one by its time. */
	if (queued && aic_pace_plays_arrival(atomic_load(&session->due_us), now_us, queued)) {
		switch (play_frame(session, channel)) {
		case AIC_PLAYOUT_FRAME:
			atomic_store(&session->due_us, aic_pace_due_after_arrival(now_us, queued));
			note_drained(session);
			break;
		case AIC_PLAYOUT_HOLD:
			atomic_store(&session->due_us, now_us + AIC_FRAME_US);
			break;
		case AIC_PLAYOUT_EMPTY:
			return false;
		}
	} else {
		atomic_store(&session->crowded, aic_pace_is_crowded(queued));
	}
	return !atomic_load(&session->playing) || !atomic_load(&session->drained);
}

void media_clock_play_arrival(struct session *session, size_t appended_bytes)
{
	struct ast_channel *channel;
	bool clock_goes_on = true;

	if (is_in_order(session)) {
		size_t queued = queued_bytes(session);

		/* What the clock has taken meanwhile may be more than what was queued before. */
		if (queued > appended_bytes && aic_pace_is_crowded((queued - appended_bytes) / aic_playout_queue_frame_bytes(session->playout))) {
			atomic_store(&session->crowded, true);
		}
		return;
	}
	if (!(channel = session_channel(session))) {
		return;
	}
	if (!ast_channel_trylock(channel)) {
		/* Where it has moved to another channel the clock finds out which. */
		clock_goes_on = session->channel != channel || play_arrival(session, channel);
		ast_channel_unlock(channel);
	} else {
		atomic_fetch_add_explicit(&media_clock.busy_channels, 1, memory_order_relaxed);
	}
	ast_channel_unref(channel);
	if (clock_goes_on) {
		attend_by(session, atomic_load(&session->due_us));
	}
}

void media_clock_stats(struct media_clock_stats *stats)
{
	stats->frames = atomic_load_explicit(&media_clock.frames, memory_order_relaxed);
	stats->busy_channels = atomic_load_explicit(&media_clock.busy_channels, memory_order_relaxed);
	stats->late_us_max = atomic_load_explicit(&media_clock.late_us_max, memory_order_relaxed);
}
