/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The loop reads a channel that its thread has lent: its descriptors are watched, and whenever one has something
 * ast_read() is called once, as ast_waitfor() and ast_read() would be by its thread. What ast_read() may do besides, on
 * whoever's thread calls it, is not for this one: then the channel is given back.
 *
 * - A generator (music, a tone) or a stream of a file: reading drives it, and it reads from a disk.
 * - A frame that has the dialplan run (AST_CONTROL_READ_ACTION).
 * - A driver that may wait for the rest of what it reads.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/frame.h"
#include "asterisk/logger.h"

#include "channel_line.h"
#include "container_of.h"
#include "locks.h"
#include "output.h"

#include <errno.h>
#include <sys/epoll.h>

/*
 * Where nothing is heard of a channel it is looked at so often: whether its time is up (TIMEOUT(absolute)), or its
 * descriptors have changed.
 */
#define LOOK_US 100000

/* After so long a look is tried again that found the channel locked. */
#define RETRY_US 1000

static struct aic_event_loop *loop_of(const struct channel_line *line)
{
	return aic_link_loop(line->link);
}

/* Gives the channel back to its thread. */
static void give_back(struct channel_line *line)
{
	if (!line->reading) {
		return;
	}
	for (size_t i = 0; i < CHANNEL_FDS_MAX; i++) {
		aic_event_loop_unwatch_fd(loop_of(line), &line->fds[i].watch);
	}
	aic_event_loop_set_timer(loop_of(line), &line->look_timer, UINT64_MAX);
	ast_channel_unref(line->reading);
	line->reading = NULL;
	line_lock(line);
	line->lent = false;
	ast_cond_signal(&line->returned);
	line_unlock(line);
}

void channel_line_want_thread(struct channel_line *line)
{
	if (!line->background) {
		atomic_store(&line->thread_wanted, true);
		give_back(line);
	}
}

/* Whether the frame that is read next has the dialplan run. The channel is locked. */
static bool runs_dialplan(struct ast_channel *channel)
{
	const struct ast_frame *next = AST_LIST_FIRST(ast_channel_readq(channel));

	return next && next->frametype == AST_FRAME_CONTROL && next->subclass.integer == AST_CONTROL_READ_ACTION;
}

/* Whether nobody but its own thread may read the channel now. It is locked. */
static bool is_its_threads(struct channel_line *line, struct ast_channel *channel)
{
	return atomic_load(&line->patient) || atomic_load(&line->unwatchable) || line->channel != channel
		|| ast_channel_generatordata(channel) || ast_channel_stream(channel) || runs_dialplan(channel)
		|| ast_channel_fd_count(channel) > CHANNEL_FDS_MAX;
}

/* Has the descriptors that the channel has now watched. Returns false where that fails. The channel is locked. */
static bool watch_fds(struct channel_line *line, struct ast_channel *channel)
{
	int count = ast_channel_fd_count(channel);

	for (int i = 0; i < CHANNEL_FDS_MAX; i++) {
		struct aic_watch *watch = &line->fds[i].watch;
		int fd = i < count ? ast_channel_fd(channel, i) : -1;

		if (watch->watched && watch->fd != fd) {
			aic_event_loop_unwatch_fd(loop_of(line), watch);
		}
		/* Said again of one that is watched: it may have been closed and opened since. */
		if (fd >= 0 && aic_event_loop_watch_fd(loop_of(line), watch, fd, EPOLLIN | EPOLLPRI)) {
			atomic_store(&line->unwatchable, true);
			log_line(LOG_WARNING, "%s: descriptor %d cannot be waited for: %s; the channel's own thread reads it",
				ast_channel_name(channel), fd, strerror(errno));
			return false;
		}
	}
	return true;
}

/* Whether a descriptor is another one than is watched. */
static bool fds_changed(const struct channel_line *line, struct ast_channel *channel)
{
	int count = ast_channel_fd_count(channel);

	for (int i = 0; i < CHANNEL_FDS_MAX; i++) {
		int fd = i < count ? ast_channel_fd(channel, i) : -1;

		if (line->fds[i].watch.watched ? line->fds[i].watch.fd != fd : fd >= 0) {
			return true;
		}
	}
	return false;
}

static void look_at(struct channel_line *line, uint64_t us)
{
	aic_event_loop_set_timer(loop_of(line), &line->look_timer, us);
}

/* Looks whether the channel still is one that we may read, and what is to be watched. */
static void look(struct channel_line *line)
{
	struct ast_channel *channel = line->reading;
	bool goes_on;

	if (!channel_try_lock(channel)) {
		look_at(line, aic_now_us() + RETRY_US);
		return;
	}
	goes_on = !ast_check_hangup(channel) && !is_its_threads(line, channel) && watch_fds(line, channel);
	channel_unlock(channel);
	if (goes_on) {
		look_at(line, aic_now_us() + LOOK_US);
	} else {
		give_back(line);
	}
}

static void on_look_timer(struct aic_timer *timer)
{
	struct channel_line *line = AIC_CONTAINER_OF(timer, struct channel_line, look_timer);

	if (line->has_read) {
		/* Whatever there was to be seen was seen then. */
		line->has_read = false;
		look_at(line, aic_now_us() + LOOK_US);
	} else {
		look(line);
	}
}

/* Hands over what was read: on the loop's thread `directly`, else through the rings. */
static void take(struct channel_line *line, struct ast_frame *frame, bool directly)
{
	if (frame->frametype == AST_FRAME_VOICE) {
		channel_hook_capture_voice(line, frame, directly);
	} else if (frame->frametype == AST_FRAME_DTMF_END) {
		(directly ? aic_link_key : aic_link_feed_key)(line->link, (char) frame->subclass.integer);
	} else if (frame->frametype == AST_FRAME_CONTROL) {
		channel_hook_note_read(line, frame);
	}
}

/* Reads one frame, from the descriptor of that number, if it may. Returns false where the channel is ours no more. */
static bool read_frame(struct channel_line *line, struct ast_channel *channel, int fd_number, bool exception)
{
	struct ast_frame *frame;

	if (!channel_try_lock(channel)) {
		/* It is still there in the next round. */
		return true;
	}
	if (is_its_threads(line, channel)) {
		channel_unlock(channel);
		return false;
	}
	ast_channel_fdno_set(channel, fd_number);
	ast_set2_flag(ast_channel_flags(channel), exception, AST_FLAG_EXCEPTION);
	channel_unlock(channel);
	locks_check_free("ast_read()");
	if (!(frame = ast_read(channel))) {
		return false;
	}
	line->has_read = true;
	take(line, frame, true);
	ast_frfree(frame);
	return true;
}

static void on_ready(struct aic_watch *watch, uint32_t events)
{
	struct watched_fd *fd = AIC_CONTAINER_OF(watch, struct watched_fd, watch);
	struct channel_line *line = fd->line;
	struct ast_channel *channel = line->reading;
	int fd_number = (int) (fd - line->fds);
	bool goes_on;

	/* What is read may end the call, and with it the lending. */
	ao2_ref(line, +1);
	ast_channel_ref(channel);
	goes_on = read_frame(line, channel, fd_number, events & EPOLLPRI);
	if (line->reading == channel) {
		if (!goes_on) {
			give_back(line);
		} else if (fds_changed(line, channel)) {
			look(line);
		}
	}
	ast_channel_unref(channel);
	ao2_ref(line, -1);
}

/* Begins to read, if it was lent to us and its thread is not wanted meanwhile. */
static void begin(struct channel_line *line)
{
	struct ast_channel *channel = NULL;

	line_lock(line);
	if (line->lent && line->channel) {
		channel = ast_channel_ref(line->channel);
	} else {
		line->lent = false;
		ast_cond_signal(&line->returned);
	}
	line_unlock(line);
	if (channel) {
		line->reading = channel;
		if (atomic_load(&line->thread_wanted)) {
			give_back(line);
		} else {
			look(line);
		}
	}
}

/* Attaches the framehook anew, so that it is the last one. */
static void uncover_hook(struct channel_line *line)
{
	struct ast_channel *channel = channel_line_channel(line);

	if (channel && channel_try_lock(channel)) {
		if (line->attached && line->channel == channel && channel_hook_attach(line, channel)) {
			log_line(LOG_WARNING, "%s: out of memory: the agent hears what a jitter buffer has not put in order",
				ast_channel_name(channel));
		}
		channel_unlock(channel);
	}
	if (channel) {
		ast_channel_unref(channel);
	}
}

static void on_task(struct aic_loop_task *task)
{
	struct channel_line *line = AIC_CONTAINER_OF(task, struct channel_line, task);

	if (atomic_load(&line->hook_is_covered)) {
		uncover_hook(line);
	}
	if (line->reading) {
		look(line);
	} else {
		begin(line);
	}
	ao2_ref(line, -1);
}

void channel_reader_init(struct channel_line *line)
{
	line->task.run = on_task;
	line->look_timer.fire = on_look_timer;
	for (size_t i = 0; i < CHANNEL_FDS_MAX; i++) {
		line->fds[i].line = line;
		line->fds[i].watch.ready = on_ready;
	}
}

void channel_reader_wake(struct channel_line *line)
{
	ao2_ref(line, +1);
	if (!aic_event_loop_post(loop_of(line), &line->task)) {
		ao2_ref(line, -1);
	}
}

/* --- the channel's thread --- */

bool channel_line_lend(struct channel_line *line, struct ast_channel *channel)
{
	bool may;

	channel_lock(channel);
	may = line->attached && !is_its_threads(line, channel) && !ast_check_hangup(channel);
	channel_unlock(channel);
	if (!may) {
		return false;
	}
	line_lock(line);
	line->lent = true;
	line_unlock(line);
	channel_reader_wake(line);
	line_lock(line);
	while (line->lent) {
		ast_cond_wait(&line->returned, &line->lock);
	}
	line_unlock(line);
	return true;
}

void channel_line_take_frame(struct channel_line *line, struct ast_frame *frame)
{
	if (atomic_load(&line->capture) == CAPTURE_BY_READER) {
		take(line, frame, false);
	}
}
