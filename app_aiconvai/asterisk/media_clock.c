/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A session in a clock's care is in one of SLOTS slots, one for each tick; at tick n those in slot n mod SLOTS are
 * visited whose `visit_tick` it is. A session whose channel is busy keeps its frame and is tried again every tick,
 * while all others go on.
 *
 * Frames that come while nothing is queued are played by the thread that decoded them (media_clock_play_arrival()).
 * Then nothing is to be done here but to look, from time to time, whether they still come.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/lock.h"
#include "asterisk/logger.h"

#include "frame_writer.h"
#include "locks.h"
#include "media_clock.h"
#include "pace.h"
#include "session.h"
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* More than the ticks from one visit of a session to the next. */
#define SLOTS 64

#define US_PER_TICK 1000

/* After a standstill longer than this (a suspended machine) the clock starts from now and does not catch up. */
#define STANDSTILL_US 500000

/*
 * One for the channels whose drivers hand a packet to the kernel and return, and one for the others: those may wait for
 * somebody, and then only their like waits with them.
 */
enum {
	PROMPT_CLOCK,
	PATIENT_CLOCK,
	CLOCKS,
};

struct media_clock {
	const char *thread_name;
	pthread_t thread;
	ast_cond_t armed_or_stopping;
	struct session *armed;    /* guarded by the clocks' lock; each one holds a reference */
	uint64_t sleeps_until_us; /* guarded by the clocks' lock; 0: awake, or woken */

	/* The thread's own. A session in the clock's care is in a slot, which is one reference. */
	uint64_t start_us; /* when tick 0 was */
	uint64_t tick;     /* the next one */
	AST_DLLIST_HEAD_NOLOCK(, session) slots[SLOTS];
	unsigned int in_care;
	AST_DLLIST_HEAD_NOLOCK(, session) busy; /* of those in care: the channel's lock was not free, to be tried again */
};

static struct media_clock clocks[CLOCKS] = {
	[PROMPT_CLOCK] = {.thread_name = "aiconvai-clock"},
	[PATIENT_CLOCK] = {.thread_name = "aiconvai-clock2"},
};

/* Of both clocks; held for a few instructions. */
static struct {
	ast_mutex_t lock;
	int stopping; /* guarded by the lock */
	atomic_uint_fast64_t frames, busy_channels, late_us_max;
} shared;

enum attendance {
	GO_ON,     /* there may be more at the next frame */
	AT_REST,   /* nothing to do until the session is armed again */
	BUSY,      /* the channel's lock was not free, or the channel did not take the frame */
	ELSEWHERE, /* it is the other clock's */
};

_Static_assert(SLOTS * US_PER_TICK > AIC_FRAME_US + AIC_PACE_CHECK_AFTER_US + AIC_PACE_CHECK_US,
	"a slot comes round later than the next visit");

static struct media_clock *clock_of(struct session *session)
{
	return &clocks[atomic_load(&session->patient) ? PATIENT_CLOCK : PROMPT_CLOCK];
}

static void clocks_lock(void)
{
	locks_note(LOCK_MEDIA_CLOCK, "the media clocks' lock");
	ast_mutex_lock(&shared.lock);
}

static void clocks_unlock(void)
{
	ast_mutex_unlock(&shared.lock);
	locks_forget(LOCK_MEDIA_CLOCK);
}

/*
 * Has its clock look at the session at that time at the latest. Most times it is awake before, for another one: to wake
 * a thread costs as much as to play a frame.
 */
static void attend_by(struct session *session, uint64_t us)
{
	struct media_clock *clock;
	bool wake;

	clocks_lock();
	/* One that is to change clocks is let go by the one it is with. */
	clock = session->keeper ? session->keeper : clock_of(session);
	if (!session->armed) {
		session->armed = 1;
		ao2_ref(session, +1);
		session->next_armed = clock->armed;
		clock->armed = session;
	}
	wake = us < clock->sleeps_until_us;
	if (wake) {
		clock->sleeps_until_us = 0;
	}
	clocks_unlock();
	/* After the lock, which the woken thread takes first of all. */
	if (wake) {
		ast_cond_signal(&clock->armed_or_stopping);
	}
}

/* Whether there is something to be heard still. */
static bool has_audio(struct session *session)
{
	return atomic_load(&session->frame_is_waiting) || !aic_playout_queue_is_empty(session->playout);
}

/* Whether the conversation is over and what should still be heard has been. */
static int is_finished(struct session *session)
{
	int finished;

	/* Asked for every frame, and nearly always no. */
	if (!atomic_load(&session->ended)) {
		return 0;
	}
	session_lock(session);
	finished = !session->outcome.play_out || !has_audio(session);
	session_unlock(session);
	return finished;
}

/*
 * Notes whether the queue was left empty. Said first, looked again then: who appends after that look finds `drained`
 * true, and plays the frame itself. Its playing is locked.
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

/* Writes the next frame, if there is one, and counts it. */
static enum frame_written play_frame(struct session *session, struct ast_channel *channel)
{
	enum frame_written written = frame_writer_write(session, channel);

	if (written == FRAME_WRITTEN) {
		atomic_fetch_add_explicit(&shared.frames, 1, memory_order_relaxed);
	} else if (written == FRAME_BUSY) {
		atomic_fetch_add_explicit(&shared.busy_channels, 1, memory_order_relaxed);
	}
	return written;
}

/* Plays the frames that are due. Its playing is locked. */
static enum attendance play_due(struct session *session, struct ast_channel *channel)
{
	uint64_t now_us = aic_now_us();
	uint64_t due_us = aic_pace_due_now(atomic_load(&session->due_us), now_us);
	enum frame_written written = FRAME_WRITTEN;

	while (due_us <= now_us && written != FRAME_NONE && written != FRAME_BUSY) {
		written = play_frame(session, channel);
		if (written == FRAME_WRITTEN || written == FRAME_HELD_BACK) {
			due_us = aic_pace_due_after_frame(due_us, atomic_exchange(&session->crowded, false));
		}
	}
	atomic_store(&session->due_us, due_us);
	if (written == FRAME_BUSY) {
		return BUSY;
	}
	if (written != FRAME_NONE) {
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

enum look {
	LOOK_CLEAR,    /* frames may be written now */
	LOOK_BUSY,     /* not now, or the channel's lock was not free */
	LOOK_FINISHED, /* nothing is to be done any more */
};

/*
 * Does what needs the channel's lock: the end, a call of the channel's thread and, where a frame is to be written
 * (`writes`), making way for it.
 */
static enum look look_at_channel(struct session *session, struct ast_channel *channel, bool writes)
{
	enum look look = LOOK_CLEAR;

	if (!channel_try_lock(channel)) {
		atomic_fetch_add_explicit(&shared.busy_channels, 1, memory_order_relaxed);
		return LOOK_BUSY;
	}
	if (session->channel != channel) {
		/* The call ended, or moved to another channel, before we had the lock. */
		look = LOOK_BUSY;
	} else if (is_finished(session)) {
		look = session_finish(session, channel) ? LOOK_FINISHED : LOOK_BUSY;
	} else {
		if (atomic_load(&session->thread_call) == THREAD_TO_BE_CALLED) {
			session_call_thread_now(session, channel);
		}
		if (writes && !frame_writer_prepare(session, channel)) {
			look = LOOK_BUSY;
		}
	}
	channel_unlock(channel);
	return look;
}

/* Whether a frame is due, or it is to be seen that there is none. */
static bool is_due(struct session *session)
{
	return atomic_load(&session->playing) && atomic_load(&session->due_us) <= aic_now_us();
}

/* Its playing is locked. */
static enum attendance attend_on(struct session *session, struct ast_channel *channel)
{
	bool plays = is_due(session);
	enum look look = look_at_channel(session, channel, plays && has_audio(session));
	enum attendance attendance;

	if (look != LOOK_CLEAR) {
		return look == LOOK_BUSY ? BUSY : AT_REST;
	}
	if (plays) {
		attendance = play_due(session, channel);
	} else {
		attendance = atomic_load(&session->playing) ? GO_ON : AT_REST;
	}
	if (attendance == AT_REST && atomic_load(&session->open_tools)) {
		/* Where the agent has fallen silent while a tool runs there is something to be heard instead. */
		session_want_thread(session);
	}
	if (attendance != BUSY && (is_finished(session) || atomic_load(&session->thread_call) == THREAD_TO_BE_CALLED)) {
		look = look_at_channel(session, channel, false);
		attendance = look == LOOK_BUSY ? BUSY : look == LOOK_FINISHED ? AT_REST : attendance;
	}
	return attendance;
}

/* Does what is to be done for the session now: the frames that are due, or the end. */
static enum attendance attend(struct media_clock *clock, struct session *session)
{
	struct ast_channel *channel = session_channel(session);
	enum attendance attendance = BUSY;

	if (!channel) {
		return AT_REST;
	}
	if (clock != clock_of(session)) {
		attendance = ELSEWHERE;
	} else if (playing_try_lock(session)) {
		attendance = attend_on(session, channel);
		playing_unlock(session);
	}
	ast_channel_unref(channel);
	return attendance;
}

static void leave_busy(struct media_clock *clock, struct session *session)
{
	if (session->busy) {
		AST_DLLIST_REMOVE(&clock->busy, session, busy_entry);
		session->busy = 0;
	}
}

static uint64_t time_of_tick(const struct media_clock *clock, uint64_t tick)
{
	return clock->start_us + tick * US_PER_TICK;
}

/* The first tick that is not before that time. */
static uint64_t tick_at(const struct media_clock *clock, uint64_t us)
{
	return us > clock->start_us ? (us - clock->start_us + US_PER_TICK - 1) / US_PER_TICK : 0;
}

/* Puts the session where it is visited next; it is in no slot. */
static void plan_visit(struct media_clock *clock, struct session *session)
{
	uint64_t due_us = atomic_load(&session->due_us);
	uint64_t tick = tick_at(clock, atomic_load(&session->drained) ? aic_pace_dry_check(due_us) : due_us);

	session->visit_tick = tick > clock->tick ? tick : clock->tick;
	AST_DLLIST_INSERT_TAIL(&clock->slots[session->visit_tick % SLOTS], session, slot_entry);
}

static void leave_slot(struct media_clock *clock, struct session *session)
{
	AST_DLLIST_REMOVE(&clock->slots[session->visit_tick % SLOTS], session, slot_entry);
}

/* The same for one that is in a slot. */
static void plan_next_visit(struct media_clock *clock, struct session *session)
{
	leave_slot(clock, session);
	plan_visit(clock, session);
}

static void set_keeper(struct session *session, struct media_clock *clock)
{
	clocks_lock();
	session->keeper = clock;
	clocks_unlock();
}

/* Takes the session into the clock's care, which the caller's reference becomes. */
static void enter_care(struct media_clock *clock, struct session *session)
{
	atomic_store(&session->playing, true);
	set_keeper(session, clock);
	clock->in_care++;
	plan_visit(clock, session);
}

static void leave_care(struct media_clock *clock, struct session *session)
{
	leave_busy(clock, session);
	leave_slot(clock, session);
	set_keeper(session, NULL);
	clock->in_care--;
	ao2_ref(session, -1);
}

/* Attends to a session in the clock's care and sees where it belongs then. */
static void serve(struct media_clock *clock, struct session *session)
{
	switch (attend(clock, session)) {
	case GO_ON:
		leave_busy(clock, session);
		plan_next_visit(clock, session);
		break;
	case BUSY:
		if (!session->busy) {
			session->busy = 1;
			AST_DLLIST_INSERT_TAIL(&clock->busy, session, busy_entry);
		}
		break;
	case AT_REST:
		leave_care(clock, session);
		break;
	case ELSEWHERE:
		ao2_ref(session, +1);
		leave_care(clock, session);
		attend_by(session, 0);
		ao2_ref(session, -1);
		break;
	}
}

/* The next of those that were armed, which may be armed again from here on; and who has it in care. */
static struct session *next_armed(struct session **armed, struct media_clock **keeper)
{
	struct session *session = *armed;

	if (session) {
		clocks_lock();
		*armed = session->next_armed;
		*keeper = session->keeper;
		session->armed = 0;
		clocks_unlock();
	}
	return session;
}

/* Sessions that were armed since the last round; each comes with a reference. */
static void serve_armed(struct media_clock *clock, struct session *armed)
{
	struct media_clock *keeper = NULL;
	struct session *session;

	while ((session = next_armed(&armed, &keeper))) {
		if (keeper == clock) {
			ao2_ref(session, -1);
			plan_next_visit(clock, session);
		} else if (clock == clock_of(session)) {
			enter_care(clock, session);
		} else {
			attend_by(session, 0);
			ao2_ref(session, -1);
			continue;
		}
		/* The end should not wait for a deadline. */
		if (atomic_load(&session->due_us) <= aic_now_us() || is_finished(session)) {
			serve(clock, session);
		}
	}
}

static void retry_busy(struct media_clock *clock)
{
	struct session *session;

	AST_DLLIST_TRAVERSE_SAFE_BEGIN(&clock->busy, session, busy_entry) {
		atomic_fetch_add_explicit(&session->frames_late, 1, memory_order_relaxed);
		serve(clock, session);
	}
	AST_DLLIST_TRAVERSE_SAFE_END;
}

static void serve_slot(struct media_clock *clock, uint64_t tick)
{
	uint64_t tick_us = time_of_tick(clock, tick);
	struct session *session;

	AST_DLLIST_TRAVERSE_SAFE_BEGIN(&clock->slots[tick % SLOTS], session, slot_entry) {
		if (session->visit_tick > tick || session->busy) {
			continue;
		}
		if (atomic_load(&session->due_us) > tick_us) {
			/* Its frames were played as they came. */
			plan_next_visit(clock, session);
		} else {
			serve(clock, session);
		}
	}
	AST_DLLIST_TRAVERSE_SAFE_END;
}

/* The next tick with something to do, from the next one on. */
static uint64_t next_tick_with_work(const struct media_clock *clock)
{
	if (!AST_DLLIST_EMPTY(&clock->busy)) {
		return clock->tick;
	}
	for (uint64_t tick = clock->tick; tick < clock->tick + SLOTS; tick++) {
		if (!AST_DLLIST_EMPTY(&clock->slots[tick % SLOTS])) {
			return tick;
		}
	}
	return clock->tick;
}

/* Waits for something to do. Returns 0 when the clock is to stop. */
static int wait_for_work(struct media_clock *clock, struct session **armed)
{
	uint64_t deadline_us = time_of_tick(clock, next_tick_with_work(clock));
	struct timespec deadline = {.tv_sec = (time_t) (deadline_us / 1000000),
		.tv_nsec = (long) (deadline_us % 1000000) * 1000};
	int idle = !clock->in_care;
	int timed_out = 0, go_on;

	clocks_lock();
	while (!clock->armed && !shared.stopping && !timed_out) {
		clock->sleeps_until_us = idle ? UINT64_MAX : deadline_us;
		if (idle) {
			ast_cond_wait(&clock->armed_or_stopping, &shared.lock);
		} else {
			timed_out = ast_cond_timedwait(&clock->armed_or_stopping, &shared.lock, &deadline) == ETIMEDOUT;
		}
	}
	clock->sleeps_until_us = 0;
	*armed = clock->armed;
	clock->armed = NULL;
	go_on = !shared.stopping;
	clocks_unlock();
	return go_on;
}

static void serve_due_slots(struct media_clock *clock)
{
	uint64_t now_us = aic_now_us();
	uint64_t due_us = time_of_tick(clock, next_tick_with_work(clock));

	if (clock->in_care && now_us > due_us) {
		if (now_us - due_us > atomic_load_explicit(&shared.late_us_max, memory_order_relaxed)) {
			atomic_store_explicit(&shared.late_us_max, now_us - due_us, memory_order_relaxed);
		}
		if (now_us - due_us > STANDSTILL_US) {
			clock->tick = tick_at(clock, now_us);
		}
	}
	while (time_of_tick(clock, clock->tick) <= now_us) {
		retry_busy(clock);
		serve_slot(clock, clock->tick++);
		if (!clock->in_care && clock->tick < tick_at(clock, now_us)) {
			/* Never back: where now is a tick to the microsecond, that one was just served. */
			clock->tick = tick_at(clock, now_us);
		}
	}
}

static void *run(void *arg)
{
	struct media_clock *clock = arg;
	struct session *armed;

	while (wait_for_work(clock, &armed)) {
		serve_due_slots(clock);
		serve_armed(clock, armed);
	}
	return NULL;
}

static int start_clock(struct media_clock *clock)
{
	pthread_condattr_t attributes;

	for (int i = 0; i < SLOTS; i++) {
		AST_DLLIST_HEAD_INIT_NOLOCK(&clock->slots[i]);
	}
	AST_DLLIST_HEAD_INIT_NOLOCK(&clock->busy);
	clock->armed = NULL;
	clock->sleeps_until_us = 0;
	clock->in_care = 0;
	clock->tick = 0;
	clock->start_us = aic_now_us();
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	ast_cond_init(&clock->armed_or_stopping, &attributes);
	pthread_condattr_destroy(&attributes);
	if (aic_thread_start(&clock->thread, clock->thread_name, run, clock)) {
		ast_cond_destroy(&clock->armed_or_stopping);
		return -1;
	}
	return 0;
}

/* Stops the first so many. */
static void stop_clocks(int count)
{
	clocks_lock();
	shared.stopping = 1;
	for (int i = 0; i < count; i++) {
		ast_cond_signal(&clocks[i].armed_or_stopping);
	}
	clocks_unlock();
	for (int i = 0; i < count; i++) {
		pthread_join(clocks[i].thread, NULL);
		ast_cond_destroy(&clocks[i].armed_or_stopping);
	}
	ast_mutex_destroy(&shared.lock);
}

int media_clock_start(void)
{
	shared.stopping = 0;
	ast_mutex_init(&shared.lock);
	for (int i = 0; i < CLOCKS; i++) {
		if (start_clock(&clocks[i])) {
			stop_clocks(i);
			return -1;
		}
	}
	return 0;
}

void media_clock_stop(void)
{
	stop_clocks(CLOCKS);
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

/*
 * Plays the first frame of what came while nothing was queued, if it may go now. The session's playing is locked.
 * Returns whether the clock has to go on.
 */
static bool play_arrival(struct session *session, struct ast_channel *channel)
{
	uint64_t now_us = aic_now_us();
	size_t queued = queued_bytes(session) / aic_playout_queue_frame_bytes(session->playout);

	if (is_in_order(session)) {
		return false;
	}
	atomic_store(&session->drained, false);
	/* A part of a frame may still become a whole one by its time. */
	if (!queued || !aic_pace_plays_arrival(atomic_load(&session->due_us), now_us, queued)) {
		atomic_store(&session->crowded, aic_pace_is_crowded(queued));
		return true;
	}
	/* What is finished, and where it moved to another channel, the clock finds out. */
	if (look_at_channel(session, channel, true) != LOOK_CLEAR) {
		return true;
	}
	switch (play_frame(session, channel)) {
	case FRAME_WRITTEN:
		atomic_store(&session->due_us, aic_pace_due_after_arrival(now_us, queued));
		note_drained(session);
		break;
	case FRAME_HELD_BACK:
		atomic_store(&session->due_us, now_us + AIC_FRAME_US);
		break;
	case FRAME_NONE:
		return false;
	case FRAME_BUSY:
		atomic_store(&session->due_us, now_us);
		return true;
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
		if (queued > appended_bytes && aic_pace_is_crowded((queued
			- appended_bytes) / aic_playout_queue_frame_bytes(session->playout))) {
			atomic_store(&session->crowded, true);
		}
		return;
	}
	if (atomic_load(&session->patient)) {
		/* Nothing waits on this thread. */
		atomic_store(&session->drained, false);
	} else if ((channel = session_channel(session))) {
		if (playing_try_lock(session)) {
			clock_goes_on = play_arrival(session, channel);
			playing_unlock(session);
		}
		ast_channel_unref(channel);
	}
	if (clock_goes_on) {
		attend_by(session, atomic_load(&session->due_us));
	}
}

void media_clock_stats(struct media_clock_stats *stats)
{
	stats->frames = atomic_load_explicit(&shared.frames, memory_order_relaxed);
	stats->busy_channels = atomic_load_explicit(&shared.busy_channels, memory_order_relaxed);
	stats->late_us_max = atomic_load_explicit(&shared.late_us_max, memory_order_relaxed);
}
