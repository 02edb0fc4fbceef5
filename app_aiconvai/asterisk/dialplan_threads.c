/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/threadpool.h"

#include "dialplan_threads.h"

/* So many tasks may wait for the dialplan at once before another one waits for them. */
#define THREADS 4

static struct ast_threadpool *threads;

int dialplan_threads_start(void)
{
	struct ast_threadpool_options options = {
		.version = AST_THREADPOOL_OPTIONS_VERSION,
		.initial_size = THREADS,
		.max_size = THREADS,
	};

	threads = ast_threadpool_create("aiconvai-dialplan", NULL, &options);
	return threads ? 0 : -1;
}

void dialplan_threads_stop(void)
{
	if (threads) {
		ast_threadpool_shutdown(threads);
		threads = NULL;
	}
}

int dialplan_threads_push(int (*task)(void *data), void *data)
{
	return ast_threadpool_push(threads, task, data);
}
