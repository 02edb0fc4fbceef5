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
	if (ast_begins_with(sound, TONE_PREFIX)) {
		ast_playtones_stop(channel);
	} else if (!ast_begins_with(sound, SOUND_PREFIX)) {
		ast_moh_stop(channel);
	} else if (!session->options.background) {
		ast_stopstream(channel);
	}
	/* What was played has a format of its own. */
	ast_set_write_format(channel, session->line->ast_format);
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
	channel_lock(channel);
	session->waiting_sound = sound;
	session->sound_began_at = atomic_load(&session->line->frames_played);
	channel_unlock(channel);
	if (start(channel, sound)) {
		log_line(LOG_WARNING, "%s: agent %s: '%s' cannot be played while the caller waits; the caller hears silence",
			ast_channel_name(channel), session_agent(session)->name, sound);
		channel_lock(channel);
		session->waiting_sound = NULL;
		channel_unlock(channel);
	} else if (session->options.background) {
		atomic_store(&session->line->has_way_to_make, true);
	}
}

void waiting_sound_give_way(struct session *session, struct ast_channel *channel)
{
	if (!channel_try_lock(channel)) {
		return;
	}
	/* A generator that is at work has put its data by, and does not hear that it is to stop: then the next time. */
	if (!ast_channel_generator(channel) || ast_channel_generatordata(channel)) {
		waiting_sound_stop(session, channel);
		atomic_store(&session->line->has_way_to_make, false);
	}
	channel_unlock(channel);
}

void waiting_sound_stop(struct session *session, struct ast_channel *channel)
{
	if (session->waiting_sound) {
		stop(session, channel, session->waiting_sound);
		session->waiting_sound = NULL;
	}
}
