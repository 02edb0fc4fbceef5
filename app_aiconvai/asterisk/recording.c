/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/audiohook.h"
#include "asterisk/channel.h"
#include "asterisk/file.h"
#include "asterisk/mixmonitor.h"
#include "asterisk/paths.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "built_for.h"
#include "channel_line.h"
#include "channel_variable.h"
#include "dialplan_threads.h"
#include "locks.h"
#include "output.h"
#include "recording.h"
#include "session.h"
#include "told_event.h"

/* Gets MixMonitor's name of the recording, by which it is ended. */
#define VARIABLE_ID "AICONVAI_RECORDING_ID"

/* MixMonitor says in it which file it writes, which for us is none; the dialplan may have begun one before. */
#define VARIABLE_FILE "MIXMONITOR_FILENAME"

#define MONITOR "MixMonitor"

/* The first version that fills what is missing on one side by itself; those before it are asked to (option S). */
#define FILLS_BY_ITSELF 18

/* Both files are named in one argument of MixMonitor's, in which these mean something. */
#define UNFIT_FOR_A_NAME ",()|\"\\^$&;"

void recording_free(struct recording *recording)
{
	ast_free(recording->base);
	ast_free(recording->id);
	recording->base = recording->id = NULL;
}

/* What MixMonitor is asked for, to be freed. NULL when memory is short. */
static char *options_of(const struct session *session)
{
	const char *base = session->recording.base, *kind = session->line->format.rate > 8000 ? "wav16" : "wav";
	bool asks_to_fill = strtol(AIC_ASTERISK_VERSION, NULL, 10) < FILLS_BY_ITSELF;
	char *options = NULL;

	if (ast_asprintf(&options, "r(%s-caller.%s)t(%s-agent.%s)i(" VARIABLE_ID ")%s", base, kind, base, kind,
		asks_to_fill ? "S" : "") < 0) {
		return NULL;
	}
	return options;
}

static void start(struct session *session, struct ast_channel *channel)
{
	char *options = options_of(session), *file = channel_variable_copy(channel, VARIABLE_FILE);

	/* Of another recording, which is not ours to end. */
	pbx_builtin_setvar_helper(channel, VARIABLE_ID, NULL);
	locks_check_free("MixMonitor");
	if (options && !ast_start_mixmonitor(channel, "", options)) {
		session->recording.id = channel_variable_copy(channel, VARIABLE_ID);
	}
	pbx_builtin_setvar_helper(channel, VARIABLE_ID, NULL);
	pbx_builtin_setvar_helper(channel, VARIABLE_FILE, file);
	if (!session->recording.id) {
		log_line(LOG_ERROR, "%s: agent %s: record = stereo: the call is not recorded: expected app_mixmonitor.so to be "
			"loaded, and its threads to be startable", session_identity(session).id, session_agent(session)->name);
		recording_free(&session->recording);
	}
	session->recording.since_us = aic_now_us();
	ast_free(options);
	ast_free(file);
}

void recording_play_notice(struct ast_channel *channel, const struct agent *agent)
{
	const char *file = agent->settings.record_notice;

	locks_check_free("a sound file");
	if (ast_stream_and_wait(channel, file, AST_DIGIT_NONE) < 0 && !ast_check_hangup(channel)) {
		log_line(LOG_WARNING, "%s: agent %s: record_notice = %s: cannot be played: expected a sound file",
			ast_channel_name(channel), agent->name, file);
	}
}

void recording_begin(struct session *session, struct ast_channel *channel)
{
	const struct agent *agent = session_agent(session);
	const char *directory = S_OR(session->configuration->general.recordings, ast_config_AST_MONITOR_DIR);

	if (agent->settings.record == AIC_RECORD_OFF) {
		return;
	}
	if (strpbrk(directory, UNFIT_FOR_A_NAME)) {
		log_line(LOG_ERROR, "%s: agent %s: recordings = %s: the call is not recorded: expected a folder's name without "
			"any of " UNFIT_FOR_A_NAME, session_identity(session).id, agent->name, directory);
	} else if (ast_asprintf(&session->recording.base, "%s/%s", directory, session->told->record) < 0) {
		session->recording.base = NULL;
	} else {
		start(session, channel);
	}
}

/* The last argument takes it back. Older Asterisks know of one recording of a channel only, the first. */
static void mute(struct ast_channel *channel, bool is_on)
{
	enum ast_audiohook_flags both = AST_AUDIOHOOK_MUTE_READ | AST_AUDIOHOOK_MUTE_WRITE;

#if AIC_MUTES_ALL
	ast_audiohook_set_mute_all(channel, MONITOR, both, !is_on);
#else
	ast_audiohook_set_mute(channel, MONITOR, both, !is_on);
#endif
}

/* As it is to be now, whatever it was when this was asked for; what others mute stays so. The channel is locked. */
static void apply(struct session *session, struct ast_channel *channel)
{
	bool is_on = atomic_load(&session->recording.pauses) != 0;

	if (is_on != session->recording.is_muted) {
		mute(channel, is_on);
		session->recording.is_muted = is_on;
	}
}

static int apply_later(void *data)
{
	struct session *session = data;
	struct ast_channel *channel = channel_line_channel(session->line);

	if (channel) {
		channel_lock(channel);
		apply(session, channel);
		channel_unlock(channel);
		ast_channel_unref(channel);
	}
	ao2_ref(session, -1);
	return 0;
}

/* Returns false where somebody has the channel's lock. */
static bool apply_now(struct session *session)
{
	struct ast_channel *channel = channel_line_channel(session->line);
	bool is_free = !channel || channel_try_lock(channel);

	if (channel) {
		if (is_free) {
			apply(session, channel);
			channel_unlock(channel);
		}
		ast_channel_unref(channel);
	}
	return is_free;
}

void recording_pause(struct session *session, enum recording_pause reason, bool is_on)
{
	if (is_on) {
		atomic_fetch_or(&session->recording.pauses, reason);
	} else {
		atomic_fetch_and(&session->recording.pauses, ~(unsigned int) reason);
	}
	if (apply_now(session)) {
		return;
	}
	/* The lock may be held for long, and here others' audio may wait. */
	ao2_ref(session, +1);
	if (dialplan_threads_push(apply_later, session)) {
		ao2_ref(session, -1);
		log_line(LOG_ERROR, "%s: out of memory: recordings go on as they are", session_identity(session).id);
	}
}

void recording_end(struct session *session, struct ast_channel *channel)
{
	channel_lock(channel);
	atomic_store(&session->recording.pauses, 0);
	apply(session, channel);
	channel_unlock(channel);
	if (session->recording.id) {
		locks_check_free("MixMonitor");
		ast_stop_mixmonitor(channel, session->recording.id);
	}
}
