/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/sched.h"

#include "dialled_transfer.h"
#include "locks.h"
#include "session.h"
#include "session_serving.h"
#include "tool_runs.h"
#include "waiting_sound.h"

/*
 * Where the channel's own thread reads its channel it looks this often at least whether there is something else to do.
 */
#define LOOK_MS 20

void session_start_waiting_sound(struct session *session, struct ast_channel *channel)
{
	/* The agent may have spoken, or ended, already. */
	if (session->options.waiting_sound && !atomic_load(&session->line->frames_played)) {
		waiting_sound_start(session, channel, session->options.waiting_sound);
	}
}

/* What the caller hears while the agent, who has been heard before or not, says nothing; NULL: nothing. */
static const char *sound_of_pause(struct session *session)
{
	const struct aic_settings *settings = &session_agent(session)->settings;

	if (atomic_load(&session->ended)) {
		return NULL;
	}
	if (settings->tool_wait_sound && atomic_load(&session->open_tools)) {
		return settings->tool_wait_sound;
	}
	return atomic_load(&session->thinking) ? settings->thinking_sound : NULL;
}

/* Until the agent is first heard, and while it makes the caller wait, the caller hears what is configured. */
static void attend_to_waiting_sound(struct session *session, struct ast_channel *channel)
{
	const char *sound = sound_of_pause(session);
	bool is_heard = atomic_load(&session->line->playing);

	if (session->waiting_sound && (is_heard || session->sound_began_at != atomic_load(&session->line->frames_played)
		|| (session->waiting_sound != session->options.waiting_sound && session->waiting_sound != sound))) {
		channel_lock(channel);
		waiting_sound_stop(session, channel);
		channel_unlock(channel);
	}
	if (sound && !session->waiting_sound && !is_heard) {
		waiting_sound_start(session, channel, sound);
	}
	if (is_heard && !session->waiting_sound && ast_channel_generatordata(channel)) {
		/* Somebody else's, such as StartMusicOnHold()'s: it ends where ours would. */
		ast_deactivate_generator(channel);
	}
}

/* Runs the tools that the agent has called. Returns whether there were any. */
static bool run_tools(struct session *session, struct ast_channel *channel)
{
	bool ran = false;

	while (!atomic_load(&session->finished) && !ast_check_hangup(channel)) {
		/* Whatever a tool runs reads the channel by itself. */
		channel_line_capture(session->line, CAPTURE_BY_HOOK);
		if (!tool_runs_next(session, channel)) {
			break;
		}
		ran = true;
		attend_to_waiting_sound(session, channel);
	}
	channel_line_capture(session->line, CAPTURE_BY_READER);
	return ran;
}

/* Reads one frame, if there is one soon. Returns -1 when the caller is gone. */
static int read_channel(struct session *session, struct ast_channel *channel)
{
	/* Where Asterisk has no timer a sound file is played by the channel's schedule. */
	bool scheduled = ast_channel_streamid(channel) >= 0;
	int scheduled_ms = scheduled ? ast_sched_wait(ast_channel_sched(channel)) : -1;
	struct ast_frame *frame;
	int left_ms;

	/* The loop may have read that it is over. */
	if (ast_check_hangup(channel)) {
		return -1;
	}
	left_ms = ast_waitfor(channel, scheduled_ms >= 0 && scheduled_ms < LOOK_MS ? scheduled_ms : LOOK_MS);
	if (left_ms < 0) {
		return -1;
	}
	if (left_ms > 0) {
		if (!(frame = ast_read(channel))) {
			return -1;
		}
		channel_line_take_frame(session->line, frame);
		ast_frfree(frame);
	}
	if (scheduled) {
		ast_sched_runq(ast_channel_sched(channel));
	}
	return 0;
}

int session_serve_channel(struct session *session, struct ast_channel *channel)
{
	while (!atomic_load(&session->finished)) {
		if (channel_line_was_wanted(session->line)) {
			bool was_elsewhere = run_tools(session, channel);

			was_elsewhere |= dialled_transfer_listen(session, channel);
			if (was_elsewhere && ast_check_hangup(channel)) {
				/* It ended in there. */
				return -1;
			}
		}
		attend_to_waiting_sound(session, channel);
		if (!channel_line_lend(session->line, channel) && read_channel(session, channel)) {
			return -1;
		}
	}
	return 0;
}
