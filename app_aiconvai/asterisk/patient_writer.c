/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/core_local.h"
#include "asterisk/frame.h"
#include "asterisk/linkedlists.h"
#include "asterisk/lock.h"
#include "asterisk/utils.h"

#include "channel_line.h"
#include "locks.h"
#include "patient_writer.h"
#include "thread.h"

#include <pthread.h>

enum patient_state {
	PATIENT_IDLE,    /* the line's frame is the loop's to fill */
	PATIENT_WAITING, /* it is in the list */
	PATIENT_WRITING, /* the thread has it */
};

static struct {
	pthread_t thread;
	bool started;
	ast_mutex_t lock;
	ast_cond_t changed;
	/* Guarded by the lock. */
	AST_LIST_HEAD_NOLOCK(, channel_line) lines; /* each with a reference */
	bool stopping;
} writer;

static void writer_lock(void)
{
	locks_note(LOCK_PATIENT_WRITER, "the patient writer's lock");
	ast_mutex_lock(&writer.lock);
}

static void writer_unlock(void)
{
	ast_mutex_unlock(&writer.lock);
	locks_forget(LOCK_PATIENT_WRITER);
}

/* Whether writing to a Local channel would have to wait for who has its other half locked. */
static bool is_other_half_busy(struct ast_channel *channel)
{
	struct ast_channel *other;
	bool busy;

	if (!channel_try_lock(channel)) {
		return true;
	}
	other = ast_local_get_peer(channel);
	channel_unlock(channel);
	if (!other) {
		return false;
	}
	/* Tried, and given back: the driver locks it itself. */
	if (!(busy = ast_channel_trylock(other) != 0)) {
		ast_channel_unlock(other);
	}
	ast_channel_unref(other);
	return busy;
}

/* Offers the line's frame to its channel. Returns whether it is to be offered again. */
static bool is_refused(struct channel_line *line)
{
	struct ast_channel *channel = channel_line_channel(line);
	uint8_t *frame = line->patient_frame + AIC_LINE_HEADROOM;
	bool written;

	if (!channel) {
		return false;
	}
	written = !is_other_half_busy(channel);
	if (!line->patient_is_idle) {
		written = written && channel_writer_write(line, channel, frame) == CHANNEL_WRITTEN;
	} else if (written) {
		channel_writer_write_idle(line, channel, frame);
	}
	ast_channel_unref(channel);
	return !written && !line->patient_is_idle && channel_writer_tries_again(line, &line->patient_attempts);
}

/* The lock is held. */
static unsigned int list_length(void)
{
	struct channel_line *line;
	unsigned int length = 0;

	AST_LIST_TRAVERSE(&writer.lines, line, patient_entry) {
		length++;
	}
	return length;
}

/* Offers the first line's frame. The lock is held. Returns whether it was refused and is the list's last now. */
static bool serve_first(void)
{
	struct channel_line *line = AST_LIST_REMOVE_HEAD(&writer.lines, patient_entry);
	bool refused;

	line->patient_state = PATIENT_WRITING;
	writer_unlock();
	refused = is_refused(line);
	writer_lock();
	if (refused) {
		line->patient_state = PATIENT_WAITING;
		AST_LIST_INSERT_TAIL(&writer.lines, line, patient_entry);
		return true;
	}
	line->patient_state = PATIENT_IDLE;
	ast_cond_broadcast(&writer.changed);
	writer_unlock();
	ao2_ref(line, -1);
	writer_lock();
	return false;
}

static void *run(void *arg)
{
	unsigned int refused = 0;

	writer_lock();
	while (!writer.stopping) {
		if (AST_LIST_EMPTY(&writer.lines)) {
			ast_cond_wait(&writer.changed, &writer.lock);
			continue;
		}
		refused = serve_first() ? refused + 1 : 0;
		if (refused && refused >= list_length()) {
			/* All of them were. */
			refused = 0;
			writer_unlock();
			usleep(AIC_LINE_RETRY_US);
			writer_lock();
		}
	}
	writer_unlock();
	return NULL;
}

enum aic_line_written patient_writer_write(struct channel_line *line, const uint8_t *frame, size_t bytes, bool is_idle)
{
	bool is_free;

	if (!line->patient_frame && !(line->patient_frame = ast_malloc(AIC_LINE_HEADROOM + bytes))) {
		return AIC_LINE_WRITTEN;
	}
	writer_lock();
	if ((is_free = line->patient_state == PATIENT_IDLE)) {
		memcpy(line->patient_frame + AIC_LINE_HEADROOM, frame, bytes);
		line->patient_state = PATIENT_WAITING;
		line->patient_attempts = 0;
		line->patient_is_idle = is_idle;
		AST_LIST_INSERT_TAIL(&writer.lines, ao2_bump(line), patient_entry);
		ast_cond_broadcast(&writer.changed);
	}
	writer_unlock();
	return is_free ? AIC_LINE_WRITTEN : AIC_LINE_BUSY;
}

void patient_writer_drain(struct channel_line *line)
{
	writer_lock();
	while (line->patient_state != PATIENT_IDLE) {
		ast_cond_wait(&writer.changed, &writer.lock);
	}
	writer_unlock();
}

int patient_writer_start(void)
{
	writer.stopping = false;
	ast_mutex_init(&writer.lock);
	ast_cond_init(&writer.changed, NULL);
	writer.started = !aic_thread_start(&writer.thread, "aiconvai-write", run, NULL);
	return writer.started ? 0 : -1;
}

void patient_writer_stop(void)
{
	if (writer.started) {
		writer_lock();
		writer.stopping = true;
		ast_cond_broadcast(&writer.changed);
		writer_unlock();
		pthread_join(writer.thread, NULL);
		writer.started = false;
	}
}
