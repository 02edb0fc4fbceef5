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

#include <stdatomic.h>

static struct {
	struct aic_event_loop **loops; /* owned */
	int count;
	atomic_uint next;
	struct aic_resolver *resolver; /* owned */
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
	if (!network.loops || !network.resolver) {
		network_stop();
		return -1;
	}
	while (network.count < threads) {
		struct aic_event_loop *loop = aic_event_loop_new(&aic_link_protocol, log_message);

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
}

struct aic_event_loop *network_loop(void)
{
	struct aic_event_loop *loop = NULL;

	/* One that serves nobody any more takes its turn only where there is no other. */
	for (int tried = 0; tried < network.count; tried++) {
		loop = network.loops[atomic_fetch_add(&network.next, 1) % (unsigned int) network.count];
		if (!aic_event_loop_has_failed(loop)) {
			break;
		}
	}
	return loop;
}

struct aic_resolver *network_resolver(void)
{
	return network.resolver;
}
