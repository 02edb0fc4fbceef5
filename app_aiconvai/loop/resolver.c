/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "resolver.h"

#include "good_addresses.h"
#include "thread.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

/* getaddrinfo() does not tell how long an answer is good for; this is shorter than what the services' names allow. */
#define CACHE_SECONDS 30
#define CACHE_ENTRIES 16

/* Names that are looked up at once; a further one waits. */
#define THREADS 4

/* A question that is not answered yet. */
struct question {
	struct question *next;
	uint64_t id;
	char *host; /* owned */
	bool taken; /* a thread looks this name up, for this question or an earlier one */
	void (*answer)(void *arg, const struct aic_resolution *resolution);
	void *arg;
};

struct cached {
	char *host; /* owned, NULL: free */
	time_t until;
	struct aic_resolution resolution;
};

struct aic_resolver {
	pthread_t threads[THREADS];
	size_t thread_count;
	pthread_mutex_t lock; /* guards what stands below; not held while a name is looked up or a question answered */
	pthread_cond_t asked;
	struct question *questions; /* in the order they were asked */
	uint64_t last_id;
	bool stopping;
	struct cached cache[CACHE_ENTRIES];
	struct aic_good_addresses good;
};

static time_t monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static struct cached *cache_find(struct aic_resolver *resolver, const char *host)
{
	time_t now = monotonic_seconds();

	for (size_t i = 0; i < CACHE_ENTRIES; i++) {
		struct cached *entry = &resolver->cache[i];

		if (entry->host && entry->until > now && !strcasecmp(entry->host, host)) {
			return entry;
		}
	}
	return NULL;
}

static void cache_put(struct aic_resolver *resolver, const char *host, const struct aic_resolution *resolution)
{
	struct cached *oldest = &resolver->cache[0];
	char *copy = strdup(host);

	if (!copy) {
		return;
	}
	for (size_t i = 1; i < CACHE_ENTRIES; i++) {
		if (!oldest->host) {
			break;
		}
		if (!resolver->cache[i].host || resolver->cache[i].until < oldest->until) {
			oldest = &resolver->cache[i];
		}
	}
	free(oldest->host);
	oldest->host = copy;
	oldest->until = monotonic_seconds() + CACHE_SECONDS;
	oldest->resolution = *resolution;
}

static struct addrinfo *next_of_kind(struct addrinfo *info, int family, bool wanted)
{
	while (info && (info->ai_family == family) != wanted) {
		info = info->ai_next;
	}
	return info;
}

/*
 * Takes as many addresses as there is room for, of the first one's family and of the other in turn (RFC 8305 section
 * 4): a family that leads nowhere must not take all places.
 */
static void take_in_turn(struct addrinfo *list, struct aic_resolution *resolution)
{
	int family = list->ai_family;
	struct addrinfo *of_first = list, *of_other = next_of_kind(list, family, false);
	bool others_turn = false;

	while ((of_first || of_other) && resolution->count < AIC_RESOLVER_ADDRESSES) {
		bool other = of_other && (others_turn || !of_first);
		struct addrinfo *info = other ? of_other : of_first;

		if (!getnameinfo(info->ai_addr, info->ai_addrlen, resolution->addresses[resolution->count], AIC_ADDRESS_LENGTH,
			NULL, 0, NI_NUMERICHOST)) {
			resolution->count++;
		}
		if (other) {
			of_other = next_of_kind(info->ai_next, family, false);
		} else {
			of_first = next_of_kind(info->ai_next, family, true);
		}
		others_turn = !other;
	}
}

static void look_up(const char *host, struct aic_resolution *resolution)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	int error = getaddrinfo(host, NULL, &hints, &list);

	memset(resolution, 0, sizeof(*resolution));
	if (error == EAI_NONAME || error == EAI_ADDRFAMILY || error == EAI_NODATA) {
		/* AI_ADDRCONFIG leaves loopback addresses out where a host has no others. */
		hints.ai_flags = 0;
		error = getaddrinfo(host, NULL, &hints, &list);
	}
	if (error) {
		snprintf(resolution->error, sizeof(resolution->error), "%s", gai_strerror(error));
		return;
	}
	take_in_turn(list, resolution);
	freeaddrinfo(list);
	if (!resolution->count) {
		snprintf(resolution->error, sizeof(resolution->error), "no usable address");
	}
}

/* A numeric address needs no looking up. */
static bool is_numeric(const char *host, struct aic_resolution *resolution)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) != 1 && inet_pton(AF_INET6, host, &address) != 1) {
		return false;
	}
	memset(resolution, 0, sizeof(*resolution));
	snprintf(resolution->addresses[0], AIC_ADDRESS_LENGTH, "%s", host);
	resolution->count = 1;
	return true;
}

/* The next question about a name that no thread looks up yet; it, and all others about that name, are taken then. */
static struct question *take_question(struct aic_resolver *resolver)
{
	struct question *first = resolver->questions;

	while (first && first->taken) {
		first = first->next;
	}
	for (struct question *other = first; other; other = other->next) {
		if (!strcasecmp(other->host, first->host)) {
			other->taken = true;
		}
	}
	return first;
}

/* Takes all questions about a name off the list. */
static struct question *remove_questions(struct aic_resolver *resolver, const char *host)
{
	struct question **link = &resolver->questions, *removed = NULL, **last = &removed;

	while (*link) {
		struct question *question = *link;

		if (strcasecmp(question->host, host)) {
			link = &question->next;
			continue;
		}
		*link = question->next;
		question->next = NULL;
		*last = question;
		last = &question->next;
	}
	return removed;
}

static void answer_all(struct question *questions, const struct aic_resolution *resolution)
{
	while (questions) {
		struct question *question = questions;

		questions = question->next;
		question->answer(question->arg, resolution);
		free(question->host);
		free(question);
	}
}

/* Looks up the name of a question just taken and answers all about it. The resolver is locked, but not meanwhile. */
static void work(struct aic_resolver *resolver, const char *asked)
{
	struct aic_resolution resolution;
	struct question *answered;
	char *host = strdup(asked);

	if (host && !resolver->stopping) {
		pthread_mutex_unlock(&resolver->lock);
		look_up(host, &resolution);
		pthread_mutex_lock(&resolver->lock);
		if (resolution.count) {
			cache_put(resolver, host, &resolution);
			aic_good_addresses_put_first(&resolver->good, host, &resolution, monotonic_seconds());
		}
	} else {
		memset(&resolution, 0, sizeof(resolution));
		snprintf(resolution.error, sizeof(resolution.error), "%s", host ? "the module is being unloaded"
			: "out of memory");
	}
	answered = remove_questions(resolver, host ? host : asked);
	pthread_mutex_unlock(&resolver->lock);
	answer_all(answered, &resolution);
	free(host);
	pthread_mutex_lock(&resolver->lock);
}

static void *run(void *arg)
{
	struct aic_resolver *resolver = arg;

	pthread_mutex_lock(&resolver->lock);
	for (;;) {
		struct question *question = take_question(resolver);

		if (question) {
			work(resolver, question->host);
		} else if (resolver->stopping) {
			break;
		} else {
			pthread_cond_wait(&resolver->asked, &resolver->lock);
		}
	}
	pthread_mutex_unlock(&resolver->lock);
	return NULL;
}

struct aic_resolver *aic_resolver_new(void)
{
	struct aic_resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver) {
		return NULL;
	}
	pthread_mutex_init(&resolver->lock, NULL);
	pthread_cond_init(&resolver->asked, NULL);
	while (resolver->thread_count < THREADS) {
		if (aic_thread_start(&resolver->threads[resolver->thread_count], "aiconvai-dns", run, resolver)) {
			aic_resolver_free(resolver);
			return NULL;
		}
		resolver->thread_count++;
	}
	return resolver;
}

void aic_resolver_free(struct aic_resolver *resolver)
{
	if (!resolver) {
		return;
	}
	pthread_mutex_lock(&resolver->lock);
	resolver->stopping = true;
	pthread_cond_broadcast(&resolver->asked);
	pthread_mutex_unlock(&resolver->lock);
	while (resolver->thread_count) {
		pthread_join(resolver->threads[--resolver->thread_count], NULL);
	}
	pthread_cond_destroy(&resolver->asked);
	pthread_mutex_destroy(&resolver->lock);
	for (size_t i = 0; i < CACHE_ENTRIES; i++) {
		free(resolver->cache[i].host);
	}
	aic_good_addresses_free(&resolver->good);
	free(resolver);
}

/* Puts a question on the list. Returns its id, or 0 when memory is short. The resolver is locked. */
static uint64_t put_question(struct aic_resolver *resolver, const char *host,
	void (*answer)(void *arg, const struct aic_resolution *resolution), void *arg)
{
	struct question *question = calloc(1, sizeof(*question)), **last = &resolver->questions;
	char *copy = strdup(host);

	if (!question || !copy) {
		free(question);
		free(copy);
		return 0;
	}
	*question = (struct question) {.id = ++resolver->last_id, .host = copy, .answer = answer, .arg = arg};
	for (; *last; last = &(*last)->next) {
		/* Where a thread looks the name up already, it answers this one as well. */
		if ((*last)->taken && !strcasecmp((*last)->host, host)) {
			question->taken = true;
		}
	}
	*last = question;
	pthread_cond_signal(&resolver->asked);
	return question->id;
}

bool aic_resolver_known(struct aic_resolver *resolver, const char *host, struct aic_resolution *resolution)
{
	struct cached *entry;

	if (is_numeric(host, resolution)) {
		return true;
	}
	pthread_mutex_lock(&resolver->lock);
	if ((entry = cache_find(resolver, host))) {
		*resolution = entry->resolution;
		aic_good_addresses_put_first(&resolver->good, host, resolution, monotonic_seconds());
	}
	pthread_mutex_unlock(&resolver->lock);
	return entry != NULL;
}

uint64_t aic_resolver_ask(struct aic_resolver *resolver, const char *host,
	void (*answer)(void *arg, const struct aic_resolution *resolution), void *arg)
{
	struct aic_resolution known = {.count = 0, .error = "out of memory"};
	uint64_t id = 0;

	if (!aic_resolver_known(resolver, host, &known)) {
		pthread_mutex_lock(&resolver->lock);
		id = put_question(resolver, host, answer, arg);
		pthread_mutex_unlock(&resolver->lock);
	}
	if (!id) {
		answer(arg, &known);
	}
	return id;
}

bool aic_resolver_cancel(struct aic_resolver *resolver, uint64_t question)
{
	struct question **link, *cancelled;

	pthread_mutex_lock(&resolver->lock);
	link = &resolver->questions;
	while (*link && (*link)->id != question) {
		link = &(*link)->next;
	}
	if ((cancelled = *link)) {
		*link = cancelled->next;
		free(cancelled->host);
		free(cancelled);
	}
	pthread_mutex_unlock(&resolver->lock);
	return cancelled != NULL;
}

void aic_resolver_remember(struct aic_resolver *resolver, const char *host, const char *address)
{
	pthread_mutex_lock(&resolver->lock);
	aic_good_addresses_remember(&resolver->good, host, address, monotonic_seconds());
	pthread_mutex_unlock(&resolver->lock);
}

void aic_resolver_forget(struct aic_resolver *resolver, const char *host, const char *address)
{
	pthread_mutex_lock(&resolver->lock);
	aic_good_addresses_forget(&resolver->good, host, address);
	pthread_mutex_unlock(&resolver->lock);
}
