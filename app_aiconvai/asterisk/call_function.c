/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"

#include "call_function.h"
#include "call_record.h"
#include "output.h"
#include "session.h"
#include "session_requests.h"
#include "sessions.h"

/* ${AICONVAI(field)} */
static int read_field(struct ast_channel *channel, const char *function, char *data, char *buffer, size_t size)
{
	if (!channel) {
		log_line(LOG_WARNING, "%s(%s): expected to be read on a channel", function, S_OR(data, ""));
		return -1;
	}
	if (ast_strlen_zero(data) || call_record_read(channel, data, buffer, size)) {
		log_line(LOG_WARNING, "%s: %s(%s): expected one of %s", ast_channel_name(channel), function, S_OR(data, ""),
			call_record_fields());
		return -1;
	}
	return 0;
}

/* Set(AICONVAI(end)=reason) */
static int end_conversation(struct ast_channel *channel, const char *function, char *data, const char *value)
{
	struct session *session = channel ? sessions_find_channel(channel) : NULL;

	if (ast_strlen_zero(data) || strcmp(data, "end")) {
		log_line(LOG_WARNING, "%s(%s): only %s(end) can be set: to the reason why the conversation ends", function,
			S_OR(data, ""), function);
		ao2_cleanup(session);
		return -1;
	}
	if (session) {
		session_end(session, S_OR(value, "the dialplan ended the conversation"));
		ao2_ref(session, -1);
	}
	return 0;
}

static struct ast_custom_function call_function = {
	.name = "AICONVAI",
	.read = read_field,
	.write = end_conversation,
};

int call_function_register(void)
{
	return ast_custom_function_register(&call_function);
}

void call_function_unregister(void)
{
	ast_custom_function_unregister(&call_function);
}
