/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "resolver.h"

#include "thread.h"

#include <netdb.h>
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

struct question {
	struct question *next;
	char *host; /* owned */
	void (*answer)(void *arg, const struct aic_resolution *resolution);
	void *arg;
};

struct cached {
	char *host; /* owned, NULL: free */
	time_t until;
	struct aic_resolution resolution;
};

struct aic_resolver {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what stands below, up to the cache */
	pthread_cond_t asked;
	struct question *first, *last;
	bool stopping;

	struct cached cache[CACHE_ENTRIES]; /* the thread's own */
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
	for (struct addrinfo *info = list; info && resolution->count < AIC_RESOLVER_ADDRESSES; info = info->ai_next) {
		if (!getnameinfo(info->ai_addr, info->ai_addrlen, resolution->addresses[resolution->count], AIC_ADDRESS_LENGTH, NULL, 0,
				NI_NUMERICHOST)) {
			resolution->count++;
		}
	}
	freeaddrinfo(list);
	if (!resolution->count) {
		snprintf(resolution->error, sizeof(resolution->error), "no usable address");
	}
}

static void answer_question(struct aic_resolver *resolver, struct question *question, bool stopping)
{
	struct aic_resolution resolution;
	struct cached *entry = cache_find(resolver, question->host);

	if (entry) {
		resolution = entry->resolution;
	} else if (stopping) {
		memset(&resolution, 0, sizeof(resolution));
		snprintf(resolution.error, sizeof(resolution.error), "the module is being unloaded");
	} else {
		look_up(question->host, &resolution);
		if (resolution.count) {
			cache_put(resolver, question->host, &resolution);
		}
	}
	question->answer(question->arg, &resolution);
	free(question->host);
	free(question);
}

static void *run(void *arg)
{
	struct aic_resolver *resolver = arg;

	pthread_mutex_lock(&resolver->lock);
	for (;;) {
		struct question *question = resolver->first;

		if (question) {
			bool stopping = resolver->stopping;

			resolver->first = question->next;
			pthread_mutex_unlock(&resolver->lock);
			answer_question(resolver, question, stopping);
			pthread_mutex_lock(&resolver->lock);
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
	if (aic_thread_start(&resolver->thread, "aiconvai-dns", run, resolver)) {
		pthread_cond_destroy(&resolver->asked);
		pthread_mutex_destroy(&resolver->lock);
		free(resolver);
		return NULL;
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
	pthread_cond_signal(&resolver->asked);
	pthread_mutex_unlock(&resolver->lock);
	pthread_join(resolver->thread, NULL);
	pthread_cond_destroy(&resolver->asked);
	pthread_mutex_destroy(&resolver->lock);
	for (size_t i = 0; i < CACHE_ENTRIES; i++) {
		free(resolver->cache[i].host);
	}
	free(resolver);
}

void aic_resolver_ask(struct aic_resolver *resolver, const char *host, void (*answer)(void *arg, const struct aic_resolution *resolution), void *arg)
{
	struct question *question = calloc(1, sizeof(*question));
	char *copy = strdup(host);

	if (!question || !copy) {
		struct aic_resolution failed = {.count = 0, .error = "out of memory"};

		free(question);
		free(copy);
		answer(arg, &failed);
		return;
	}
	*question = (struct question) {.host = copy, .answer = answer, .arg = arg};
	pthread_mutex_lock(&resolver->lock);
	if (resolver->first) {
		resolver->last->next = question;
	} else {
		resolver->first = question;
	}
	resolver->last = question;
	pthread_cond_signal(&resolver->asked);
	pthread_mutex_unlock(&resolver->lock);
}
