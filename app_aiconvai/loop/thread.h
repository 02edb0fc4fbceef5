/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef AIC_THREAD_H
#define AIC_THREAD_H

#include <pthread.h>

/*
 * Starts a joinable thread with a name (at most 15 characters) and every signal blocked: signals belong to the host
 * program's own threads. Returns 0, or an errno value.
 */
int aic_thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg);

#endif
