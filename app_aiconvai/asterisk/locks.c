/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/logger.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "locks.h"
#include "output.h"

#include <stdatomic.h>

/* Of those pairs that were logged, by what was held. */
#define MASKS (1 << (LOCK_PATIENT_WRITER + 1))

_Thread_local unsigned int locks_held;

static const char *const names[] = {
	[LOCK_CHANNEL] = "a channel",
	[LOCK_REGISTRY] = "the sessions",
	[LOCK_CLOSED_AGENTS] = "the closed agents",
	[LOCK_SESSION] = "a session",
	[LOCK_EVENTS] = "the event publisher",
	[LOCK_CALL_JOURNAL] = "a call's journal",
	[LOCK_JOURNAL] = "the journal",
	[LOCK_LINE] = "a line",
	[LOCK_PATIENT_WRITER] = "the patient writer",
};

static atomic_bool logged[MASKS];

void locks_complain(const char *what, unsigned int held)
{
	char list[160] = "";

	if (atomic_exchange(&logged[held % MASKS], true)) {
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (held & (1u << i)) {
			size_t length = strlen(list);

			snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", names[i]);
		}
	}
	log_line(LOG_ERROR, "lock order: %s while this thread holds %s; please report this", what, list);
}
