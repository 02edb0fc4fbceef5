/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Which of a name's addresses is connected to, as RFC 8305 has it: the next one is tried as soon as one has failed, and
 * while one that has not answered for a moment is still waited for. The first that is ready for the request gets it,
 * its TLS handshake done and its certificate found good; the others are dropped without having been asked anything.
 */
#include "container_of.h"
#include "link_state.h"
#include "virtual_hosts.h"

#include <stdio.h>
#include <string.h>

/* RFC 8305 section 5: the time after which the next address is tried. */
#define NEXT_ADDRESS_US 250000

static bool is_one_pending(const struct link_race *race)
{
	for (size_t i = 0; i < race->tried; i++) {
		if (race->attempts[i].wsi) {
			return true;
		}
	}
	return false;
}

bool link_is_connected(const struct aic_link *link)
{
	return link->wsi || is_one_pending(&link->race);
}

static void on_timer(struct aic_timer *timer);

static void stop_timer(struct aic_link *link)
{
	aic_event_loop_set_timer(link->loop, &link->race.timer, UINT64_MAX);
}

void link_drop_attempts(struct aic_link *link)
{
	stop_timer(link);
	for (size_t i = 0; i < link->race.tried; i++) {
		struct lws *wsi = link->race.attempts[i].wsi;

		if (wsi) {
			link->race.attempts[i].wsi = NULL;
			aic_connection_drop(wsi);
		}
	}
}

/* The proxy at that address, as libwebsockets has it: [user:password@]address. */
static void write_proxy(const struct aic_link *link, const char *address, char *text, size_t size)
{
	const char *credentials = link->proxy.credentials;
	bool is_ipv6 = strchr(address, ':') != NULL;

	snprintf(text, size, "%s%s%s%s%s", credentials, credentials[0] ? "@" : "", is_ipv6 ? "[" : "", address,
		is_ipv6 ? "]" : "");
}

/*
 * The virtual host for that address: it trusts, and is known by, what the request names, and has the proxy. NULL:
 * there is none, with the reason in `error`.
 */
static struct lws_vhost *vhost_for(struct aic_link *link, const char *address, char *error, size_t error_size)
{
	char text[AIC_PROXY_CREDENTIALS_MAX + 64];
	struct aic_loop_proxy proxy = {.address = text, .port = link->proxy.url.port};

	if (!link->proxied) {
		return aic_event_loop_vhost(link->loop, &link->request->tls_files, NULL, error, error_size);
	}
	write_proxy(link, address, text, sizeof(text));
	return aic_event_loop_vhost(link->loop, &link->request->tls_files, &proxy, error, error_size);
}

/*
 * Begins to connect to the attempt's address. Returns false, with the reason in `connect_error`, where that failed at
 * once.
 */
static bool begin(struct aic_link *link, struct link_attempt *attempt)
{
	const char *address = link->addresses.addresses[attempt->address];
	struct aic_connection_target target = {
		.url = &link->url,
		/* A proxy looks the name up itself. */
		.address = link->proxied ? link->url.host : address,
		.vhost = vhost_for(link, address, link->race.connect_error, sizeof(link->race.connect_error)),
		.is_websocket = link->request->kind == AIC_REQUEST_WEBSOCKET,
		.subprotocol = link->request->subprotocol,
	};
	struct lws *wsi;

	if (!target.vhost) {
		return false;
	}
	snprintf(link->race.connect_error, sizeof(link->race.connect_error), "the connection could not be made");
	attempt->began_us = aic_now_us();
	link->race.beginning = attempt;
	link->race.failed_at_once = false;
	wsi = aic_connection_begin(link->loop, &attempt->connection, &target, &attempt->wsi);
	link->race.beginning = NULL;
	if (!wsi || link->race.failed_at_once) {
		/* Gone already, whatever it was meanwhile. */
		attempt->wsi = NULL;
		if (link->race.chosen == attempt) {
			link->race.chosen = NULL;
			link->wsi = NULL;
		}
		return false;
	}
	/* It may have been chosen meanwhile. */
	attempt->wsi = link->race.chosen == attempt ? NULL : wsi;
	return true;
}

static void on_timer(struct aic_timer *timer)
{
	struct aic_link *link = AIC_CONTAINER_OF(timer, struct aic_link, race.timer);

	aic_link_hold(link);
	if (!link_race_on(link)) {
		link_request_failed(link, true, link->race.connect_error);
	}
	link_pump(link);
	aic_link_release(link);
}

bool link_race_on(struct aic_link *link)
{
	struct link_race *race = &link->race;

	stop_timer(link);
	while (race->tried < link->addresses.count) {
		struct link_attempt *attempt = &race->attempts[race->tried];

		*attempt = (struct link_attempt) {.connection = {&link_connection_kind}, .link = link,
			.address = (link->first_address + race->tried) % link->addresses.count};
		race->tried++;
		if (begin(link, attempt)) {
			if (!race->chosen && race->tried < link->addresses.count) {
				race->timer.fire = on_timer;
				aic_event_loop_set_timer(link->loop, &race->timer, aic_now_us() + NEXT_ADDRESS_US);
			}
			return true;
		}
	}
	return is_one_pending(race);
}

void link_begin_race(struct aic_link *link)
{
	char error[256];

	link->race.tried = 0;
	link->race.chosen = NULL;
	/* Certificate authorities that cannot be read are no better at the next attempt. */
	if (!vhost_for(link, link->addresses.addresses[link->first_address], error, sizeof(error))) {
		link_request_failed(link, false, error);
	} else if (!link_race_on(link)) {
		link_request_failed(link, true, link->race.connect_error);
	}
}

void link_choose(struct link_attempt *attempt, struct lws *wsi)
{
	struct aic_link *link = attempt->link;

	attempt->wsi = NULL;
	link_drop_attempts(link);
	link->race.chosen = attempt;
	link->wsi = wsi;
	link->http_status = 0;
	link->http_body.length = 0;
	link->peer_code = 0;
	link->peer_reason[0] = '\0';
	link->http_body_is_lost = false;
}

void link_address_answered(struct aic_link *link)
{
	const struct link_attempt *chosen = link->race.chosen;

	if (chosen && chosen->address) {
		aic_resolver_remember(link->resolver, link_peer_host(link), link->addresses.addresses[chosen->address]);
		link->first_address = 0;
	}
}

void link_address_failed(struct aic_link *link)
{
	const struct link_attempt *chosen = link->race.chosen;

	if (chosen) {
		aic_resolver_forget(link->resolver, link_peer_host(link), link->addresses.addresses[chosen->address]);
	}
}
