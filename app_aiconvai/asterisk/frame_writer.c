/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/core_local.h"
#include "asterisk/format.h"
#include "asterisk/frame.h"

#include "frame_writer.h"
#include "locks.h"
#include "session.h"
#include "waiting_sound.h"

/*
 * A frame that did not get through, with the channel's lock free each time, is lost after so many attempts: another
 * hook may have taken it. At one a millisecond that is as long as the frame itself.
 */
#define ATTEMPTS_MAX 20

bool frame_writer_is_patient(struct ast_channel *channel)
{
	static const char *const prompt_drivers[] = {"PJSIP", "SIP", "IAX2", "DAHDI", "UnicastRTP"};
	const char *driver = ast_channel_tech(channel)->type;

	for (size_t i = 0; i < ARRAY_LEN(prompt_drivers); i++) {
		if (!strcmp(driver, prompt_drivers[i])) {
			return false;
		}
	}
	return true;
}

/* Whether writing to a Local channel would have to wait for who has its other half locked. */
static bool is_other_half_busy(struct ast_channel *channel)
{
	struct ast_channel *other = ast_local_get_peer(channel);
	bool busy;

	if (!other) {
		return false;
	}
	/* Tried, and given back: the driver locks it itself, when ours is not locked any more. */
	if (!(busy = ast_channel_trylock(other) != 0)) {
		ast_channel_unlock(other);
	}
	ast_channel_unref(other);
	return busy;
}

/*
 * Whether music or a tone on the channel is to make way: in the background it is the dialplan's, while a tool runs the
 * tool's; but for one of ours that went on because it was at work as it was stopped.
 */
static bool makes_way(const struct session *session)
{
	return session->made_way || (!session->options.background && !atomic_load(&session->in_tool));
}

bool frame_writer_prepare(struct session *session, struct ast_channel *channel)
{
	switch (waiting_sound_give_way(session, channel)) {
	case SOUND_IS_NOT_ON:
		break;
	case SOUND_STOPPED:
		session->made_way = true;
		break;
	case SOUND_TO_BE_STOPPED:
		session_call_thread_now(session, channel);
		break;
	}
	if (ast_channel_generatordata(channel) && makes_way(session)) {
		/* One that is at work at this moment does not hear that it is to stop. */
		ast_deactivate_generator(channel);
		if (ast_channel_generatordata(channel)) {
			return false;
		}
	}
	/*
	 * While the channel's thread waits for a frame it has the channel marked as blocked by itself, and ast_write()
	 * would log that for every frame. The mark is for waking threads that have no other way to be woken.
	 */
	ast_clear_flag(ast_channel_flags(channel), AST_FLAG_BLOCKING);
	return !atomic_load(&session->patient) || !is_other_half_busy(channel);
}

/* Whether there is a frame to write; takes one from the queue if none is kept. */
static enum frame_written take_frame(struct session *session)
{
	unsigned int interruptions = atomic_load(&session->interruptions);

	/* What was interrupted meanwhile is not to be heard. */
	if (atomic_load(&session->frame_is_waiting) && session->frame_interruptions == interruptions) {
		return FRAME_WRITTEN;
	}
	atomic_store(&session->frame_is_waiting, false);
	switch (aic_playout_queue_take(session->playout, session->frame + AST_FRIENDLY_OFFSET)) {
	case AIC_PLAYOUT_HOLD:
		return FRAME_HELD_BACK;
	case AIC_PLAYOUT_EMPTY:
		return FRAME_NONE;
	case AIC_PLAYOUT_FRAME:
		break;
	}
	atomic_store(&session->frame_is_waiting, true);
	session->frame_interruptions = interruptions;
	session->frame_attempts = 0;
	return FRAME_WRITTEN;
}

enum frame_written frame_writer_write(struct session *session, struct ast_channel *channel)
{
	size_t bytes = aic_playout_queue_frame_bytes(session->playout);
	struct ast_frame frame = {
		.frametype = AST_FRAME_VOICE,
		.subclass.format = session->line_ast_format,
		.data.ptr = session->frame + AST_FRIENDLY_OFFSET,
		.datalen = (int) bytes,
		.samples = (int) (bytes / aic_sample_bytes(session->line_format)),
		.offset = AST_FRIENDLY_OFFSET,
		.src = session_frame_source,
	};
	enum frame_written taken = take_frame(session);
	bool passed, swallowed;

	if (taken != FRAME_WRITTEN) {
		return taken;
	}
	atomic_store(&session->frame_passed, false);
	atomic_store(&session->frame_swallowed, false);
	locks_check_free("ast_write()");
	/* Below zero: the channel is over, and the frame with it. */
	passed = ast_write(channel, &frame) < 0 || atomic_load(&session->frame_passed);
	swallowed = atomic_load(&session->frame_swallowed);
	if ((!passed || (swallowed && makes_way(session))) && ++session->frame_attempts < ATTEMPTS_MAX) {
		return FRAME_BUSY;
	}
	atomic_store(&session->frame_is_waiting, false);
	session->made_way = session->made_way && swallowed;
	atomic_fetch_add_explicit(passed && !swallowed ? &session->frames_played : &session->frames_lost, 1,
		memory_order_relaxed);
	return FRAME_WRITTEN;
}
