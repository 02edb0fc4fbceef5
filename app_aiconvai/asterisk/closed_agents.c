/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/lock.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "closed_agents.h"
#include "event_loop.h"
#include "locks.h"

struct closed_agent {
	char *name; /* owned; NULL: nobody */
	uint64_t until_us; /* aic_now_us() */
	char reason[CLOSED_AGENTS_REASON_MAX];
};

/* Guarded by `lock`. */
static struct closed_agent closed[CLOSED_AGENTS_MAX];

AST_MUTEX_DEFINE_STATIC(lock);

static void take_lock(void)
{
	locks_note(LOCK_CLOSED_AGENTS, "the lock of the closed agents");
	ast_mutex_lock(&lock);
}

static void give_lock(void)
{
	ast_mutex_unlock(&lock);
	locks_forget(LOCK_CLOSED_AGENTS);
}

static void open_one(struct closed_agent *one)
{
	ast_free(one->name);
	one->name = NULL;
}

/* The one of that name that is closed still, NULL: none. What is over is forgotten. The lock is held. */
static struct closed_agent *find(const char *name)
{
	uint64_t now_us = aic_now_us();
	struct closed_agent *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		if (closed[i].name && closed[i].until_us <= now_us) {
			open_one(&closed[i]);
		} else if (closed[i].name && !strcasecmp(closed[i].name, name)) {
			found = &closed[i];
		}
	}
	return found;
}

/* A free place with that name. NULL where there is none, or memory is short. The lock is held. */
static struct closed_agent *add(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		if (!closed[i].name) {
			closed[i].name = ast_strdup(name);
			return closed[i].name ? &closed[i] : NULL;
		}
	}
	return NULL;
}

int closed_agents_close(const char *name, const char *reason, int seconds)
{
	struct closed_agent *one;

	take_lock();
	if ((one = find(name)) || (one = add(name))) {
		one->until_us = aic_now_us() + (uint64_t) seconds * 1000000;
		ast_copy_string(one->reason, reason, sizeof(one->reason));
	}
	give_lock();
	return one ? 0 : -1;
}

bool closed_agents_open(const char *name)
{
	struct closed_agent *one;

	take_lock();
	if ((one = find(name))) {
		open_one(one);
	}
	give_lock();
	return one != NULL;
}

bool closed_agents_find(const char *name, char *reason, size_t size)
{
	const struct closed_agent *one;

	take_lock();
	if ((one = find(name))) {
		ast_copy_string(reason, one->reason, size);
	}
	give_lock();
	return one != NULL;
}

void closed_agents_clear(void)
{
	take_lock();
	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		if (closed[i].name) {
			open_one(&closed[i]);
		}
	}
	give_lock();
}
