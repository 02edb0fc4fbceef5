/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/cli.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/sched.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "agents.h"
#include "application.h"
#include "call_facts.h"
#include "call_record.h"
#include "call_variables.h"
#include "dialled_transfer.h"
#include "network.h"
#include "output.h"
#include "recording.h"
#include "session.h"
#include "session_ending.h"
#include "session_opening.h"
#include "session_serving.h"
#include "sessions.h"
#include "transfer.h"

#include <ctype.h>

static const char *const application_names[] = {"AIConvAI", "ElevenLabsConvAI"};

enum {
	OPTION_BACKGROUND = (1 << 0),
	OPTION_GO_ON = (1 << 1),
	OPTION_NO_ANSWER = (1 << 2),
	OPTION_VARIABLES = (1 << 3),
	OPTION_WAITING_SOUND = (1 << 4),
	OPTION_RESUME = (1 << 5),
};

enum {
	ARGUMENT_VARIABLES,
	ARGUMENT_WAITING_SOUND,
	ARGUMENT_COUNT,
};

AST_APP_OPTIONS(application_options, {
	AST_APP_OPTION('b', OPTION_BACKGROUND),
	AST_APP_OPTION('c', OPTION_GO_ON),
	AST_APP_OPTION('n', OPTION_NO_ANSWER),
	AST_APP_OPTION('r', OPTION_RESUME),
	AST_APP_OPTION_ARG('v', OPTION_VARIABLES, ARGUMENT_VARIABLES),
	AST_APP_OPTION_ARG('m', OPTION_WAITING_SOUND, ARGUMENT_WAITING_SOUND),
});

#define KNOWN_OPTIONS "b, c, n, r, v(), m()"

/*
 * Whether every letter is an option: ast_app_parse_options() passes over those it does not know, and a mistyped option
 * would be a call that behaves unlike its dialplan. Returns -1 with a sentence in `error` where one is not.
 */
static int check_option_letters(const char *text, char *error, size_t error_size)
{
	int depth = 0;

	for (; *text; text++) {
		if (*text == '(') {
			depth++;
		} else if (*text == ')' && depth) {
			depth--;
		} else if (*text == '\\' && text[1]) {
			text++;
		} else if (!depth && !isspace((unsigned char) *text) && !application_options[*text & 0x7f].flag) {
			snprintf(error, error_size, "'%c' is no option; known are " KNOWN_OPTIONS, *text);
			return -1;
		}
	}
	return 0;
}

/* The call goes on in the dialplan without a conversation. */
static int refuse(struct ast_channel *channel, const struct aic_outcome *outcome)
{
	log_line(LOG_WARNING, "%s: %s: %s", ast_channel_name(channel), aic_status_name(outcome->status), outcome->reason);
	session_set_variables(channel, outcome, "");
	return 0;
}

static int refuse_invalid(struct ast_channel *channel, struct aic_outcome *outcome)
{
	outcome->status = AIC_STATUS_INVALID;
	sessions_count_refused(AIC_STATUS_INVALID);
	return refuse(channel, outcome);
}

static void answer(struct ast_channel *channel, const struct session_options *options)
{
	if (ast_channel_state(channel) == AST_STATE_UP) {
		return;
	}
	if (options->no_answer) {
		ast_indicate(channel, AST_CONTROL_PROGRESS);
	} else {
		/* Not ast_answer(): it waits for the caller's first frame, and drops what it says meanwhile. */
		ast_raw_answer(channel);
	}
}

/* Converses in the foreground. Returns what the application returns. */
static int converse(struct ast_channel *channel, struct session *session)
{
	struct aic_outcome outcome;
	int gone = session_serve_channel(session, channel);
	const char *reason = "the caller hung up";
	bool somebody_took_it;

	if (gone && (ast_channel_softhangup_internal_flag(channel) & AST_SOFTHANGUP_ASYNCGOTO)) {
		/* The call is being sent elsewhere in the dialplan; it is not over. */
		session_close(session, AIC_STATUS_COMPLETED, "the call was sent elsewhere");
	} else {
		session_close(session, AIC_STATUS_CALLER_HANGUP, reason);
	}
	session_outcome(session, &outcome);
	session_set_cdr_variables(session, channel, &outcome);
	session_set_variables(channel, &outcome, session->conversation_id);
	somebody_took_it = dialled_transfer_is(outcome.transfer_place);
	if (gone || !somebody_took_it) {
		dialled_transfer_cancel(session);
	}
	if (gone) {
		return -1;
	}
	if (somebody_took_it) {
		if (dialled_transfer_connect(session, channel)) {
			/* Where they cannot be connected the dialplan knows what to do. */
			return 0;
		}
		return ast_check_hangup(channel) || !session->options.go_on ? -1 : 0;
	}
	if (outcome.transfer[0]) {
		/* Where it cannot go there the dialplan knows what to do. */
		transfer_call(channel, &outcome);
		return 0;
	}
	return session->options.go_on || aic_status_is_failure(outcome.status) ? 0 : -1;
}

static int begin_call(struct ast_channel *channel, struct agent *agent, const struct configuration *configuration,
	const struct session_options *options, const struct call_variables *variables)
{
	struct aic_outcome outcome = {0};
	struct session *session;
	int result = 0;

	if (agent->settings.record != AIC_RECORD_OFF && agent->settings.record_notice && sessions_would_take(agent)) {
		answer(channel, options);
		recording_play_notice(channel, agent);
	}
	session = session_new(channel, agent, configuration, options, variables->list, variables->count,
		network_loop(), network_resolver(), &outcome);
	if (!session) {
		return refuse(channel, &outcome);
	}
	recording_begin(session, channel);
	if (session_begin(session)) {
		session_close(session, AIC_STATUS_UNAVAILABLE, "the framehook could not be attached");
		sessions_count_end(AIC_STATUS_UNAVAILABLE);
		outcome.status = AIC_STATUS_UNAVAILABLE;
		snprintf(outcome.reason, sizeof(outcome.reason), "the framehook could not be attached");
		result = refuse(channel, &outcome);
	} else {
		answer(channel, options);
		/* Not before: an answer stops whatever is being played. */
		session_start_waiting_sound(session, channel);
		if (!options->background) {
			result = converse(channel, session);
		}
	}
	ao2_ref(session, -1);
	return result;
}

static int application_exec(struct ast_channel *channel, const char *data)
{
	struct aic_outcome outcome = {0};
	struct session_options options = {0};
	struct call_variables variables = {.count = 0};
	struct configuration *configuration = agents_configuration();
	struct agent *agent = NULL;
	struct ast_flags flags = {0};
	char *arguments[ARGUMENT_COUNT] = {NULL};
	char *text = ast_strdup(S_OR(data, "")), *said = NULL;
	const char *wrong;
	int result;
	AST_DECLARE_APP_ARGS(args,
		AST_APP_ARG(agent);
		AST_APP_ARG(options);
	);

	AST_STANDARD_APP_ARGS(args, text);
	pbx_builtin_setvar_helper(channel, "AICONVAI_STATUS", "");
	pbx_builtin_setvar_helper(channel, "AICONVAI_REASON", "");
	pbx_builtin_setvar_helper(channel, "AICONVAI_CONVERSATION_ID", "");
	pbx_builtin_setvar_helper(channel, "AICONVAI_TRANSFER", "");

	if (ast_strlen_zero(args.agent)) {
		snprintf(outcome.reason, sizeof(outcome.reason), "expected the name of an agent as the first argument");
		result = refuse_invalid(channel, &outcome);
	} else if (!configuration || !(agent = agents_find(configuration, args.agent))) {
		snprintf(outcome.reason, sizeof(outcome.reason), "no agent '%.80s' is configured: see 'aiconvai show agents'",
			args.agent);
		result = refuse_invalid(channel, &outcome);
	} else if (check_option_letters(S_OR(args.options, ""), outcome.reason, sizeof(outcome.reason))) {
		result = refuse_invalid(channel, &outcome);
	} else if (!ast_strlen_zero(args.options) && ast_app_parse_options(application_options, &flags, arguments,
		args.options)) {
		snprintf(outcome.reason, sizeof(outcome.reason), "the options could not be understood; known "
			"are " KNOWN_OPTIONS);
		result = refuse_invalid(channel, &outcome);
	} else {
		options.background = ast_test_flag(&flags, OPTION_BACKGROUND) != 0;
		options.go_on = ast_test_flag(&flags, OPTION_GO_ON) != 0;
		options.no_answer = ast_test_flag(&flags, OPTION_NO_ANSWER) != 0;
		options.waiting_sound = ast_test_flag(&flags, OPTION_WAITING_SOUND)
			? S_OR(arguments[ARGUMENT_WAITING_SOUND], "default") : NULL;
		options.said = said = ast_test_flag(&flags, OPTION_RESUME) ? call_record_said(channel) : NULL;
		call_facts_add(channel, agent, &variables);
		/* Of two with one name the later wins, and the dialplan knows best. */
		if ((wrong = call_variables_add_pairs(&variables, arguments[ARGUMENT_VARIABLES]))) {
			snprintf(outcome.reason, sizeof(outcome.reason), "option v: expected name=value, got '%.80s'", wrong);
			result = refuse_invalid(channel, &outcome);
		} else {
			result = begin_call(channel, agent, configuration, &options, &variables);
		}
	}
	call_variables_free(&variables);
	ast_free(text);
	ast_free(said);
	ao2_cleanup(agent);
	ao2_cleanup(configuration);
	return result;
}

int application_register(void)
{
	for (size_t i = 0; i < ARRAY_LEN(application_names); i++) {
		if (ast_register_application_xml(application_names[i], application_exec)) {
			return -1;
		}
	}
	return 0;
}

void application_unregister(void)
{
	for (size_t i = 0; i < ARRAY_LEN(application_names); i++) {
		ast_unregister_application(application_names[i]);
	}
}
