/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/logger.h"
#include "asterisk/utils.h"

#include "event_loop.h"
#include "link.h"
#include "network.h"
#include "output.h"
#include "resolver.h"
#include "tls_sessions.h"

static struct {
	struct aic_event_loop **loops; /* owned */
	int count;
	struct aic_resolver *resolver; /* owned */
	struct aic_tls_sessions *tls_sessions; /* owned */
} network;

static void log_message(enum aic_log_level level, const char *message)
{
	if (level == AIC_LOG_ERROR) {
		log_line(LOG_ERROR, "%s", message);
	} else {
		log_line(LOG_WARNING, "%s", message);
	}
}

int network_start(int threads)
{
	network.count = 0;
	network.loops = ast_calloc(threads, sizeof(*network.loops));
	network.resolver = aic_resolver_new();
	network.tls_sessions = aic_tls_sessions_new();
	if (!network.loops || !network.resolver || !network.tls_sessions) {
		network_stop();
		return -1;
	}
	while (network.count < threads) {
		struct aic_event_loop *loop = aic_event_loop_new(&aic_link_protocol, network.tls_sessions, log_message);

		if (!loop) {
			network_stop();
			return -1;
		}
		network.loops[network.count++] = loop;
	}
	return 0;
}

void network_stop(void)
{
	/* First the resolver: its answers go to the loops. */
	aic_resolver_free(network.resolver);
	network.resolver = NULL;
	while (network.count) {
		aic_event_loop_free(network.loops[--network.count]);
	}
	ast_free(network.loops);
	network.loops = NULL;
	aic_tls_sessions_free(network.tls_sessions);
	network.tls_sessions = NULL;
}

struct aic_event_loop *network_loop(void)
{
	struct aic_event_loop *best = NULL;

	/* One that serves nobody any more only where there is no other. */
	for (int i = 0; i < network.count; i++) {
		struct aic_event_loop *loop = network.loops[i];

		if (!best || (!aic_event_loop_has_failed(loop) && (aic_event_loop_has_failed(best)
			|| aic_event_loop_calls(loop) < aic_event_loop_calls(best)))) {
			best = loop;
		}
	}
	return best;
}

uint64_t network_late_us(void)
{
	uint64_t late_us = 0;

	for (int i = 0; i < network.count; i++) {
		late_us = MAX(late_us, aic_event_loop_late_us(network.loops[i]));
	}
	return late_us;
}

struct aic_resolver *network_resolver(void)
{
	return network.resolver;
}
