/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "link_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One question to the resolver, which may be answered when nobody wants to know any more. */
struct lookup {
	struct aic_link *link; /* holds a reference */
	uint64_t generation;
};

void link_cancel_lookup(struct aic_link *link)
{
	link->looking_up = false;
	if (link->lookup_id && aic_resolver_cancel(link->resolver, link->lookup_id)) {
		free(link->lookup);
		aic_link_release(link);
	}
	link->lookup_id = 0;
}

void link_request_failed(struct aic_link *link, bool retry, const char *what)
{
	char text[AIC_REASON_MAX];
	struct aic_request_failure failure = {.retry = retry, .http_status = link->http_status, .text = text,
		.times = link->times};

	if (link->proxied) {
		snprintf(text, sizeof(text), "%.90s: through the proxy %.60s: %.140s", link->url.authority,
			link->proxy.url.authority, what);
	} else {
		snprintf(text, sizeof(text), "%.100s: %.200s", link->url.authority, what);
	}
	link->request = NULL;
	aic_conversation_request_failed(link->conversation, &failure, aic_now_us());
}

uint64_t link_end_part(struct aic_link *link)
{
	uint64_t began_us = link->part_us;

	link->part_us = aic_now_us();
	return link->part_us - began_us;
}

/* A thread of the resolver's, or ours where it knew the answer. */
static void on_lookup(void *arg, const struct aic_resolution *resolution)
{
	struct lookup *lookup = arg;
	struct aic_link *link = lookup->link;

	pthread_mutex_lock(&link->lock);
	link->answer = *resolution;
	link->answer_generation = lookup->generation;
	pthread_mutex_unlock(&link->lock);
	free(lookup);
	link_wake(link);
	aic_link_release(link);
}

void link_open(struct aic_link *link, const struct aic_request *request)
{
	struct lookup *lookup;

	link_drop_attempts(link);
	link_detach(link);
	link->generation++;
	link->request = request;
	link->race.tried = 0;
	link->race.chosen = NULL;
	link->http_status = 0;
	link->times = (struct aic_open_times) {0};
	link->part_us = aic_now_us();
	link->proxied = false;
	if (aic_url_parse(request->url, &link->url)) {
		snprintf(link->url.authority, sizeof(link->url.authority), "the agent's URL");
		link_request_failed(link, false, "it has no host, or a port that is none");
		return;
	}
	link->proxied = request->proxy != NULL;
	if (link->proxied && aic_proxy_parse(request->proxy, &link->proxy)) {
		link->proxied = false;
		link_request_failed(link, false, "the option proxy is no http://[user:password@]host[:port]: correct it");
		return;
	}
	/* And a slash in front, where it has none. */
	if (strlen(link->url.path) + 2 > AIC_CONNECTION_PATH_MAX) {
		link_request_failed(link, false, "the path of the URL is longer than 4 KiB");
		return;
	}
	if (aic_resolver_known(link->resolver, link_peer_host(link), &link->addresses)) {
		link_begin_race(link);
		return;
	}
	if (!(lookup = malloc(sizeof(*lookup)))) {
		link_request_failed(link, true, "out of memory");
		return;
	}
	*lookup = (struct lookup) {link, link->generation};
	aic_link_hold(link);
	link->looking_up = true;
	link->lookup = lookup;
	link->lookup_id = aic_resolver_ask(link->resolver, link_peer_host(link), on_lookup, lookup);
}

void link_take_answer(struct aic_link *link)
{
	char text[256];
	bool answered = false;

	pthread_mutex_lock(&link->lock);
	if (link->looking_up && link->answer_generation == link->generation) {
		answered = true;
		link->addresses = link->answer;
	}
	pthread_mutex_unlock(&link->lock);
	if (!answered) {
		return;
	}
	link->looking_up = false;
	link->lookup_id = 0;
	link->times.dns_us = link_end_part(link);
	if (!link->addresses.count) {
		snprintf(text, sizeof(text), "DNS: the name was not found: %s", link->addresses.error);
		link_request_failed(link, true, text);
		return;
	}
	link_begin_race(link);
}
