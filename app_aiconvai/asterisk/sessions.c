/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "closed_agents.h"
#include "locks.h"
#include "session.h"
#include "sessions.h"

static struct ao2_container *registry;

static atomic_int alive;

/* Guarded by the registry's lock. */
static struct module_totals totals;

static void registry_lock(void)
{
	locks_note(LOCK_REGISTRY, "the lock of the sessions");
	ao2_lock(registry);
}

static void registry_unlock(void)
{
	ao2_unlock(registry);
	locks_forget(LOCK_REGISTRY);
}

/* What a session may be known by, the surest first: the last is what the service chose, which may be anything. */
enum known_by {
	KNOWN_BY_ID,
	KNOWN_BY_CHANNEL_NAME,
	KNOWN_BY_CONVERSATION_ID,
	KNOWN_BY_KINDS,
};

struct search {
	const char *name;
	struct session *found[KNOWN_BY_KINDS]; /* references */
	unsigned int counts[KNOWN_BY_KINDS];
};

static void note_found(struct search *search, enum known_by kind, struct session *session)
{
	if (!search->counts[kind]++) {
		search->found[kind] = ao2_bump(session);
	}
}

static int look_for(void *object, void *arg, int flags)
{
	struct session *session = object;
	struct search *search = arg;

	session_lock(session);
	if (!strcmp(session->identity.id, search->name)) {
		note_found(search, KNOWN_BY_ID, session);
	}
	if (!strcasecmp(session->identity.channel_name, search->name)) {
		note_found(search, KNOWN_BY_CHANNEL_NAME, session);
	}
	if (session->conversation_id[0] && !strcmp(session->conversation_id, search->name)) {
		note_found(search, KNOWN_BY_CONVERSATION_ID, session);
	}
	session_unlock(session);
	return 0;
}

int sessions_start(void)
{
	memset(&totals, 0, sizeof(totals));
	registry = ao2_container_alloc_list(AO2_ALLOC_OPT_LOCK_MUTEX, 0, NULL, NULL);
	return registry ? 0 : -1;
}

void sessions_stop(void)
{
	ao2_cleanup(registry);
	registry = NULL;
}

struct ao2_container *sessions_all(void)
{
	return registry;
}

enum session_found sessions_find(const char *name, struct session **session)
{
	struct search search = {.name = name};
	enum session_found result = SESSION_UNKNOWN;

	*session = NULL;
	registry_lock();
	ao2_callback(registry, OBJ_NODATA | OBJ_MULTIPLE | OBJ_NOLOCK, look_for, &search);
	registry_unlock();
	for (int kind = 0; kind < KNOWN_BY_KINDS; kind++) {
		if (result == SESSION_UNKNOWN && search.counts[kind]) {
			result = search.counts[kind] == 1 ? SESSION_FOUND : SESSION_AMBIGUOUS;
			*session = search.counts[kind] == 1 ? ao2_bump(search.found[kind]) : NULL;
		}
		ao2_cleanup(search.found[kind]);
	}
	return result;
}

static int is_on_channel(void *object, void *arg, int flags)
{
	struct session *session = object;
	struct ast_channel *channel = channel_line_channel(session->line);
	int matches = channel == arg;

	if (channel) {
		ast_channel_unref(channel);
	}
	return matches ? CMP_MATCH | CMP_STOP : 0;
}

struct session *sessions_find_channel(const struct ast_channel *channel)
{
	struct session *session;

	registry_lock();
	session = ao2_callback(registry, OBJ_NOLOCK | OBJ_ORDER_DESCENDING, is_on_channel, (void *) channel);
	registry_unlock();
	return session;
}

void sessions_count_alive(int change)
{
	atomic_fetch_add(&alive, change);
}

int sessions_alive(void)
{
	return atomic_load(&alive);
}

void sessions_totals(struct module_totals *result)
{
	registry_lock();
	*result = totals;
	registry_unlock();
}

/* The registry is locked. */
static void count_end(enum aic_status status)
{
	switch (status) {
	case AIC_STATUS_COMPLETED:
		totals.completed++;
		break;
	case AIC_STATUS_CALLER_HANGUP:
		totals.caller_hangups++;
		break;
	case AIC_STATUS_BUSY:
		totals.busy++;
		break;
	case AIC_STATUS_UNAVAILABLE:
		totals.unavailable++;
		break;
	case AIC_STATUS_LOST:
		totals.lost++;
		break;
	case AIC_STATUS_TIMEOUT:
		totals.timeouts++;
		break;
	case AIC_STATUS_INVALID:
		totals.invalid++;
		break;
	}
}

void sessions_count_end(enum aic_status status)
{
	registry_lock();
	count_end(status);
	registry_unlock();
}

void sessions_count_refused(enum aic_status status)
{
	registry_lock();
	totals.calls++;
	count_end(status);
	registry_unlock();
}

static int count_agent(void *object, void *arg, void *data, int flags)
{
	if (!strcasecmp(session_agent(object)->name, arg)) {
		(*(int *) data)++;
	}
	return 0;
}

/* The registry is locked. */
static int count_calls(const struct agent *agent)
{
	int calls = 0;

	ao2_callback_data(registry, OBJ_NODATA | OBJ_MULTIPLE | OBJ_NOLOCK, count_agent, agent->name, &calls);
	return calls;
}

/* The registry is locked. `reason`, of AIC_REASON_MAX bytes, has why where it does not. */
static bool takes_calls(const struct agent *agent, char *reason)
{
	int most = agent->settings.max_concurrent_calls;
	char why[CLOSED_AGENTS_REASON_MAX];

	if (closed_agents_find(agent->name, why, sizeof(why))) {
		snprintf(reason, AIC_REASON_MAX, "agent %.80s takes no calls: %s", agent->name, why);
		return false;
	}
	if (most && count_calls(agent) >= most) {
		snprintf(reason, AIC_REASON_MAX, "max_concurrent_calls of agent %.80s (%d) is reached", agent->name, most);
		return false;
	}
	return true;
}

bool sessions_would_take(const struct agent *agent)
{
	char reason[AIC_REASON_MAX];
	bool result;

	registry_lock();
	result = takes_calls(agent, reason);
	registry_unlock();
	return result;
}

int sessions_of(const struct agent *agent)
{
	int calls;

	registry_lock();
	calls = count_calls(agent);
	registry_unlock();
	return calls;
}

/*
 * Gives the session to that one of its agents. Where it is closed or full nothing is done, and a sentence in `reason`,
 * of AIC_REASON_MAX bytes, says so: returns -1 then, 0 otherwise. The registry is locked.
 */
static int take_place(struct session *session, unsigned int which, char *reason)
{
	if (!takes_calls(session_agent_at(session, which), reason)) {
		return -1;
	}
	atomic_store(&session->acting, which);
	return 0;
}

/*
 * The same with the first of its agents that has room, where the one called wants that. `reason` has a sentence about
 * each that has none.
 */
static int take_first_place(struct session *session, char *reason)
{
	unsigned int last = session->agent->settings.failover_when_busy ? (unsigned int) session->other_count : 0;

	for (unsigned int which = 0; which <= last; which++) {
		char refusal[AIC_REASON_MAX];
		size_t length = which ? strlen(reason) : 0;

		if (!take_place(session, which, refusal)) {
			session->passed_over = which;
			return 0;
		}
		snprintf(reason + length, AIC_REASON_MAX - length, "%s%s", which ? "; " : "", refusal);
	}
	return -1;
}

int sessions_take_place(struct session *session, unsigned int which, char *reason)
{
	int result;

	registry_lock();
	result = take_place(session, which, reason);
	registry_unlock();
	return result;
}

int sessions_add(struct session *session, int most_calls, struct aic_outcome *outcome)
{
	int result = 0;

	registry_lock();
	if (most_calls && ao2_container_count(registry) >= most_calls) {
		snprintf(outcome->reason, sizeof(outcome->reason), "max_concurrent_calls of [general] (%d) is reached",
			most_calls);
		result = -1;
	} else if (!(result = take_first_place(session, outcome->reason))) {
		ao2_link_flags(registry, session, OBJ_NOLOCK);
		totals.calls++;
		if (ao2_container_count(registry) > totals.most_at_once) {
			totals.most_at_once = ao2_container_count(registry);
		}
	}
	registry_unlock();
	if (result) {
		outcome->status = AIC_STATUS_BUSY;
		sessions_count_refused(AIC_STATUS_BUSY);
	}
	return result;
}

void sessions_remove(struct session *session)
{
	registry_lock();
	ao2_unlink_flags(registry, session, OBJ_NOLOCK);
	registry_unlock();
}
