/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/file.h"
#include "asterisk/indications.h"
#include "asterisk/logger.h"
#include "asterisk/musiconhold.h"
#include "asterisk/strings.h"

#include "locks.h"
#include "output.h"
#include "session.h"
#include "waiting_sound.h"

#define TONE_PREFIX "tone:"
#define SOUND_PREFIX "sound:"

/* An indication tone of the channel's country, or a description of one. */
static int start_tone(struct ast_channel *channel, const char *name)
{
	struct ast_tone_zone_sound *tone = ast_get_indication_tone(ast_channel_zone(channel), name);
	int result = ast_playtones_start(channel, 0, tone ? tone->data : name, 0);

	if (tone) {
		ast_tone_zone_sound_unref(tone);
	}
	return result;
}

/* Stops it on the channel, which is locked. */
static void stop(struct session *session, struct ast_channel *channel, const char *sound)
{
	session->waiting_sound = NULL;
	session->waiting_sound_is_void = false;
	if (ast_begins_with(sound, TONE_PREFIX)) {
		ast_playtones_stop(channel);
	} else if (ast_begins_with(sound, SOUND_PREFIX)) {
		if (!session->options.background) {
			ast_stopstream(channel);
		}
	} else {
		ast_moh_stop(channel);
	}
}

static int start(struct ast_channel *channel, const char *sound)
{
	locks_check_free("music on hold");
	if (ast_begins_with(sound, TONE_PREFIX)) {
		return start_tone(channel, sound + strlen(TONE_PREFIX));
	}
	if (ast_begins_with(sound, SOUND_PREFIX)) {
		return ast_streamfile(channel, sound + strlen(SOUND_PREFIX), ast_channel_language(channel));
	}
	return ast_moh_start(channel, sound, NULL);
}

void waiting_sound_start(struct session *session, struct ast_channel *channel, const char *sound)
{
	bool is_void;

	channel_lock(channel);
	/* Said before it is: whoever gives way to the agent meanwhile finds it. */
	session->waiting_sound = sound;
	session->waiting_sound_is_void = false;
	channel_unlock(channel);
	if (start(channel, sound)) {
		log_line(LOG_WARNING, "%s: agent %s: '%s' cannot be played while the caller waits; the caller hears silence",
			ast_channel_name(channel), session_agent(session)->name, sound);
	}
	channel_lock(channel);
	is_void = session->waiting_sound != sound || session->waiting_sound_is_void;
	if (is_void) {
		stop(session, channel, sound);
		/* The file has a format of its own. */
		ast_set_write_format(channel, session->line_ast_format);
	}
	channel_unlock(channel);
}

enum sound_given_way waiting_sound_give_way(struct session *session, struct ast_channel *channel)
{
	const char *sound = session->waiting_sound;

	if (!sound || session->waiting_sound_is_void) {
		return SOUND_IS_NOT_ON;
	}
	if (!ast_begins_with(sound, SOUND_PREFIX)) {
		waiting_sound_stop(session, channel);
		return SOUND_STOPPED;
	}
	session->waiting_sound_is_void = true;
	/* The file has a format of its own. */
	ast_set_write_format(channel, session->line_ast_format);
	return SOUND_TO_BE_STOPPED;
}

void waiting_sound_stop(struct session *session, struct ast_channel *channel)
{
	if (session->waiting_sound) {
		stop(session, channel, session->waiting_sound);
	}
}
