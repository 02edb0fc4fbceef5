/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/pbx.h"
#include "asterisk/utils.h"

#include "collected_digits.h"
#include "conversation_keys.h"
#include "dialplan_threads.h"
#include "locks.h"
#include "output.h"
#include "session.h"

struct collected {
	struct session *session; /* owned reference */
	char digits[AIC_PRESSED_MAX + 1];
};

static void collected_free(struct collected *collected)
{
	ao2_ref(collected->session, -1);
	/* They may be a card's. */
	memset(collected->digits, 0, sizeof(collected->digits));
	ast_free(collected);
}

static int set(void *data)
{
	struct collected *collected = data;
	struct ast_channel *channel = channel_line_channel(collected->session->line);

	if (channel) {
		pbx_builtin_setvar_helper(channel, "AICONVAI_DIGITS", collected->digits);
		ast_channel_unref(channel);
	}
	collected_free(collected);
	return 0;
}

void collected_digits_keep(struct session *session, const char *digits)
{
	struct collected *collected = ast_calloc(1, sizeof(*collected));

	if (!collected) {
		return;
	}
	collected->session = ao2_bump(session);
	ast_copy_string(collected->digits, digits, sizeof(collected->digits));
	if (dialplan_threads_push(set, collected)) {
		log_line(LOG_WARNING, "%s: AICONVAI_DIGITS is not set: out of memory", session_identity(session).id);
		collected_free(collected);
	}
}
