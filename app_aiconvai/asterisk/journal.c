/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/linkedlists.h"
#include "asterisk/lock.h"
#include "asterisk/logger.h"
#include "asterisk/utils.h"

#include "agents.h"
#include "backlog.h"
#include "journal.h"
#include "locks.h"
#include "output.h"
#include "thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

/* What may wait while the disk is not to be written to: the calls of an hour of a busy machine. */
static const struct aic_backlog_room room = {.pieces = 10000, .bytes = 64 << 20};

/* So long after a failure it is tried again. */
#define RETRY_SECONDS 1

/* Of the option's value. */
#define PATH_LENGTH_MAX 1024

#define FILE_MODE 0640
#define DIRECTORY_MODE 0750

struct line {
	AST_LIST_ENTRY(line) entry;
	size_t length;
	char text[]; /* with its newline */
};

static struct {
	ast_mutex_t lock; /* held for a few instructions */
	ast_cond_t given_or_stopping;
	pthread_t thread;
	bool is_started;

	/* Guarded by the lock. */
	AST_LIST_HEAD_NOLOCK(, line) lines; /* owned; the first is the one that is being written */
	struct aic_backlog waiting;
	bool is_stopping;
	struct journal_stats stats;

	/* The thread's own. */
	int file; /* -1: none is open */
	char path[PATH_LENGTH_MAX + 1]; /* of it */
} journal;

static void journal_lock(void)
{
	locks_note(LOCK_JOURNAL, "the journal's lock");
	ast_mutex_lock(&journal.lock);
}

static void journal_unlock(void)
{
	ast_mutex_unlock(&journal.lock);
	locks_forget(LOCK_JOURNAL);
}

/* --- the file; on the thread --- */

static void close_file(void)
{
	if (journal.file >= 0) {
		close(journal.file);
		journal.file = -1;
	}
}

/* Whether what is open is still what that path names: somebody may have moved it away, or removed it. */
static bool is_open(const char *path)
{
	struct stat open, named;

	return journal.file >= 0 && !strcmp(path, journal.path) && !fstat(journal.file, &open) && !stat(path, &named)
		&& open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

static int open_file(const char *path)
{
	char directory[PATH_LENGTH_MAX + 1], *slash;

	if (is_open(path)) {
		return 0;
	}
	close_file();
	ast_copy_string(journal.path, path, sizeof(journal.path));
	ast_copy_string(directory, path, sizeof(directory));
	if ((slash = strrchr(directory, '/')) && slash != directory) {
		*slash = '\0';
		/* What cannot be made is told by the open() that follows. */
		ast_mkdir(directory, DIRECTORY_MODE);
	}
	journal.file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
	return journal.file < 0 ? -1 : 0;
}

/* PATH becomes PATH.1, and what was that PATH.2, and so on; the last one is gone. */
static void rotate(const char *path, int files)
{
	char from[PATH_LENGTH_MAX + 16], to[PATH_LENGTH_MAX + 16];

	for (int number = files - 1; number > 0; number--) {
		snprintf(to, sizeof(to), "%s.%d", path, number);
		snprintf(from, sizeof(from), number > 1 ? "%s.%d" : "%s", path, number - 1);
		if (rename(from, to) && errno != ENOENT) {
			log_line(LOG_WARNING, "journal: '%s' cannot be renamed to '%s': %s", from, to, strerror(errno));
		}
	}
	if (files == 1) {
		unlink(path);
	}
	close_file();
}

/* Writes it whole or not at all. Returns 0, or -1 with errno. */
static int write_whole(const struct line *line, off_t size_before)
{
	size_t done = 0;

	while (done < line->length) {
		ssize_t count = write(journal.file, line->text + done, line->length - done);

		if (count < 0 && errno != EINTR) {
			int problem = errno;

			/* Half a line would make the next one unreadable, too. */
			if (ftruncate(journal.file, size_before)) {
				close_file();
			}
			errno = problem;
			return -1;
		}
		done += count > 0 ? (size_t) count : 0;
	}
	return 0;
}

static int write_line(const char *path, const struct aic_settings *general, const struct line *line)
{
	off_t most = (off_t) general->journal_megabytes << 20;
	struct stat now;

	if (open_file(path) || fstat(journal.file, &now)) {
		return -1;
	}
	if (now.st_size && now.st_size + (off_t) line->length > most) {
		rotate(path, (int) general->journal_files);
		if (open_file(path) || fstat(journal.file, &now)) {
			return -1;
		}
	}
	return write_whole(line, now.st_size);
}

/* Says once that it cannot be written, and once that it can again. */
static void note_result(const char *path, int result, int problem)
{
	bool failed_before;

	journal_lock();
	failed_before = journal.stats.fails;
	journal.stats.fails = result != 0;
	journal_unlock();
	if (result && !failed_before) {
		log_line(LOG_ERROR, "journal: '%s' cannot be written: %s; calls wait until it can, %zu of them at the most",
			path, strerror(problem), room.pieces);
	} else if (!result && failed_before) {
		log_line(LOG_NOTICE, "journal: '%s' is written again", path);
	}
}

/* Returns whether the line is done with: written, or wanted no more. */
static bool settle(const struct line *line)
{
	struct configuration *configuration = agents_configuration();
	const char *path = configuration ? configuration->general.journal : NULL;
	int result = 0;

	if (path) {
		errno = 0;
		result = write_line(path, &configuration->general, line);
		note_result(path, result, errno);
	}
	ao2_cleanup(configuration);
	return !result;
}

/* --- the thread --- */

/* The lock is held. */
static void drop_first(bool was_written)
{
	struct line *line = AST_LIST_REMOVE_HEAD(&journal.lines, entry);

	aic_backlog_remove(&journal.waiting, line->length);
	journal.stats.written += was_written;
	journal.stats.dropped += !was_written;
	ast_free(line);
}

static void wait_for_retry(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_SECONDS;
	ast_cond_timedwait(&journal.given_or_stopping, &journal.lock, &until);
}

static void *run(void *arg)
{
	struct line *line;
	bool is_stopping, is_settled = true;

	journal_lock();
	for (;;) {
		while (!(line = AST_LIST_FIRST(&journal.lines)) && !journal.is_stopping) {
			/* The next line may be long in coming, and go elsewhere. */
			close_file();
			ast_cond_wait(&journal.given_or_stopping, &journal.lock);
		}
		if (!line) {
			break;
		}
		is_stopping = journal.is_stopping;
		journal_unlock();
		is_settled = settle(line);
		journal_lock();
		if (is_settled || is_stopping) {
			drop_first(is_settled);
		} else {
			wait_for_retry();
		}
	}
	journal_unlock();
	close_file();
	return NULL;
}

int journal_start(void)
{
	memset(&journal, 0, sizeof(journal));
	journal.file = -1;
	AST_LIST_HEAD_INIT_NOLOCK(&journal.lines);
	ast_mutex_init(&journal.lock);
	ast_cond_init(&journal.given_or_stopping, NULL);
	if (aic_thread_start(&journal.thread, "aiconvai-journal", run, NULL)) {
		ast_cond_destroy(&journal.given_or_stopping);
		ast_mutex_destroy(&journal.lock);
		return -1;
	}
	journal.is_started = true;
	return 0;
}

void journal_stop(void)
{
	if (!journal.is_started) {
		return;
	}
	journal_lock();
	journal.is_stopping = true;
	ast_cond_signal(&journal.given_or_stopping);
	journal_unlock();
	pthread_join(journal.thread, NULL);
	if (journal.stats.dropped) {
		log_line(LOG_ERROR, "journal: %" PRIu64 " calls are not in it", journal.stats.dropped);
	}
	ast_cond_destroy(&journal.given_or_stopping);
	ast_mutex_destroy(&journal.lock);
	journal.is_started = false;
}

bool journal_is_wanted(void)
{
	struct configuration *configuration = agents_configuration();
	bool result = configuration && configuration->general.journal;

	ao2_cleanup(configuration);
	return result;
}

void journal_write(const char *text)
{
	size_t length = strlen(text) + 1;
	struct line *line = ast_malloc(sizeof(*line) + length);
	bool taken;

	if (line) {
		memset(line, 0, sizeof(*line));
		line->length = length;
		memcpy(line->text, text, length - 1);
		line->text[length - 1] = '\n';
	}
	journal_lock();
	if ((taken = line && aic_backlog_has_room(&journal.waiting, &room, AIC_BACKLOG_PARTS, length))) {
		aic_backlog_add(&journal.waiting, length);
		AST_LIST_INSERT_TAIL(&journal.lines, line, entry);
		ast_cond_signal(&journal.given_or_stopping);
	} else {
		journal.stats.dropped++;
	}
	journal_unlock();
	if (!taken) {
		ast_free(line);
	}
}

void journal_stats(struct journal_stats *stats)
{
	journal_lock();
	*stats = journal.stats;
	stats->waiting = journal.waiting.pieces;
	journal_unlock();
}
