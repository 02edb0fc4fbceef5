/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call_variables.h"
#include "output.h"
#include "session.h"
#include "session_requests.h"
#include "state_application.h"

static const char application_name[] = "AIConvAIState";

/* AIConvAIState(state[,name=value&name=value]) */
static int application_exec(struct ast_channel *channel, const char *data)
{
	struct call_variables values = {.count = 0};
	struct session *session = sessions_find_channel(channel);
	const char *problem = "No conversation runs on this channel.";
	char *text = ast_strdup(S_OR(data, ""));
	AST_DECLARE_APP_ARGS(args,
		AST_APP_ARG(state);
		AST_APP_ARG(values);
	);

	AST_STANDARD_APP_ARGS(args, text);
	if (!text) {
		problem = "Out of memory.";
	} else if (ast_strlen_zero(args.state)) {
		problem = "Expected the name of a state as the first argument.";
	} else if (call_variables_add_pairs(&values, args.values)) {
		problem = "Expected name=value&name=value as the second argument.";
	} else if (session) {
		problem = session_enter_state(session, args.state, values.list, values.count);
	}
	if (problem) {
		log_line(LOG_WARNING, "%s: AIConvAIState(%s): %s", ast_channel_name(channel), S_OR(data, ""), problem);
	}
	pbx_builtin_setvar_helper(channel, "AICONVAI_STATE_STATUS", problem ? "FAILED" : "ENTERED");
	call_variables_free(&values);
	ast_free(text);
	ao2_cleanup(session);
	return 0;
}

int state_application_register(void)
{
	return ast_register_application_xml(application_name, application_exec);
}

void state_application_unregister(void)
{
	ast_unregister_application(application_name);
}
