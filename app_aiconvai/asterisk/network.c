/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/logger.h"
#include "asterisk/utils.h"

#include "loops.h"
#include "network.h"
#include "output.h"

static struct aic_loops *loops; /* owned */

static void log_message(void *user, enum aic_log_level level, const char *message)
{
	if (level == AIC_LOG_ERROR) {
		log_line(LOG_ERROR, "%s", message);
	} else {
		log_line(LOG_WARNING, "%s", message);
	}
}

int network_start(int threads)
{
	loops = aic_loops_new((unsigned int) threads, (struct aic_log) {log_message, NULL});
	return loops ? 0 : -1;
}

void network_stop(void)
{
	aic_loops_free(loops);
	loops = NULL;
}

struct aic_event_loop *network_loop(void)
{
	return aic_loops_choose(loops);
}

uint64_t network_late_us(void)
{
	return aic_loops_late_us(loops);
}

struct aic_resolver *network_resolver(void)
{
	return aic_loops_resolver(loops);
}
