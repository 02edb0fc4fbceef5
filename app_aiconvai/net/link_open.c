/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "link_state.h"

#include <stdio.h>
#include <stdlib.h>

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
	struct aic_request_failure failure = {.retry = retry, .http_status = link->http_status, .text = text};

	snprintf(text, sizeof(text), "%.100s: %.200s", link->url.authority, what);
	link->request = NULL;
	aic_conversation_request_failed(link->conversation, &failure, aic_now_us());
}

uint64_t link_end_part(struct aic_link *link)
{
	uint64_t began_us = link->part_us;

	link->part_us = aic_now_us();
	return link->part_us - began_us;
}

void link_connect_next_address(struct aic_link *link)
{
	bool websocket = link->request->kind == AIC_REQUEST_WEBSOCKET;
	struct lws_client_connect_info info = {0};
	char path[4200], error[256];

	info.context = aic_event_loop_context(link->loop);
	info.vhost = aic_event_loop_vhost(link->loop, link->request->ca_file, error, sizeof(error));
	if (!info.vhost) {
		link_request_failed(link, false, error);
		return;
	}
	snprintf(path, sizeof(path), "%s%s", link->url.path[0] == '/' ? "" : "/", link->url.path);
	info.port = link->url.port;
	info.ssl_connection = (link->url.secure ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
	info.path = path;
	/* Whatever the address: this is what the certificate must be for, and the Host header. */
	info.host = link->url.authority;
	info.method = websocket ? NULL : "GET";
	info.protocol = websocket ? link->request->subprotocol : NULL;
	info.local_protocol_name = aic_link_protocol.name;
	info.alpn = "http/1.1";
	info.ietf_version_or_minus_one = -1;
	info.opaque_user_data = link;
	info.pwsi = &link->wsi;

	while (link->tried_addresses < link->addresses.count) {
		size_t address = (link->first_address + link->tried_addresses++) % link->addresses.count;
		struct lws *wsi;

		info.address = link->addresses.addresses[address];
		link->http_status = 0;
		link->http_body.length = 0;
		link->http_body_is_lost = false;
		link->tls_error[0] = '\0';
		link->connect_error[0] = '\0';
		link->peer_code = 0;
		link->peer_reason[0] = '\0';
		link->part_us = aic_now_us();
		link->connecting_now = true;
		wsi = lws_client_connect_via_info(&info);
		link->connecting_now = false;
		if (wsi && !link->connect_error[0]) {
			link->wsi = wsi;
			return;
		}
		link->wsi = NULL;
	}
	link_request_failed(link, true, link->connect_error[0] ? link->connect_error : "the connection could not be made");
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

	link_detach(link);
	link->generation++;
	link->request = request;
	link->tried_addresses = 0;
	link->http_status = 0;
	link->times = (struct aic_open_times) {0};
	link->part_us = aic_now_us();
	if (aic_url_parse(request->url, &link->url)) {
		snprintf(link->url.authority, sizeof(link->url.authority), "the agent's URL");
		link_request_failed(link, false, "it has no host, or a port that is none");
		return;
	}
	if (aic_resolver_known(link->resolver, link->url.host, &link->addresses)) {
		link_connect_next_address(link);
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
	link->lookup_id = aic_resolver_ask(link->resolver, link->url.host, on_lookup, lookup);
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
	link_connect_next_address(link);
}
