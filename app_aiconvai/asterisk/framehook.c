/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A hook runs in the channel's thread with the channel locked, before read translation: frames come in whatever the
 * channel's peer sends, and that can change during a call. It outlives its detachment until the next frame, hence the
 * session's `capturing`.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/frame.h"
#include "asterisk/framehook.h"
#include "asterisk/logger.h"
#include "asterisk/translate.h"

#include "framehook.h"
#include "locks.h"
#include "output.h"
#include "session.h"

/* As main/channel.c has it: a key so soon after the one before is put back and read again later. */
#define MIN_GAP_BETWEEN_KEYS_MS 45

static void drop_translator(struct session *session)
{
	if (session->translator) {
		ast_translator_free_path(session->translator);
		session->translator = NULL;
	}
	ao2_cleanup(session->translator_from);
	session->translator_from = NULL;
}

/* The path from the frame's format to the line's, built when that format is first seen. NULL where there is none. */
static struct ast_trans_pvt *translator_for(struct session *session, struct ast_format *from)
{
	if (session->translator_from && ast_format_cmp(session->translator_from, from) == AST_FORMAT_CMP_EQUAL) {
		return session->translator;
	}
	drop_translator(session);
	session->translator_from = ao2_bump(from);
	session->translator = ast_translator_build_path(session->line_ast_format, from);
	if (!session->translator) {
		/* Once for each format, not for each frame. */
		log_line(LOG_WARNING, "%s: caller audio in %s cannot be translated to %s; the agent hears nothing",
			ast_channel_name(session->channel), ast_format_get_name(from), ast_format_get_name(session->line_ast_format));
	}
	return session->translator;
}

static void capture_voice(struct session *session, struct ast_frame *frame)
{
	struct ast_frame *translated, *part;
	struct ast_trans_pvt *translator;

	if (!frame->data.ptr || frame->datalen <= 0) {
		return;
	}
	atomic_fetch_add_explicit(&session->frames_received, 1, memory_order_relaxed);
	if (ast_format_cmp(frame->subclass.format, session->line_ast_format) == AST_FORMAT_CMP_EQUAL) {
		aic_link_caller_audio(session->link, frame->data.ptr, frame->datalen);
		return;
	}
	if (!(translator = translator_for(session, frame->subclass.format)) || !(translated = ast_translate(translator, frame, 0))) {
		return;
	}
	for (part = translated; part; part = AST_LIST_NEXT(part, frame_list)) {
		if (part->frametype == AST_FRAME_VOICE && part->data.ptr && part->datalen > 0) {
			aic_link_caller_audio(session->link, part->data.ptr, part->datalen);
		}
	}
	if (translated != frame) {
		ast_frfree(translated);
	}
}

/*
 * Whether a frame on its way to the caller has to give way. Under a conversation in the background the dialplan, or another party, may be heard
 * as well; two streams of frames in one would reach the caller as neither, so while the agent talks it alone is heard.
 */
static int is_talked_over(struct session *session, const struct ast_frame *frame)
{
	return frame->frametype == AST_FRAME_VOICE && atomic_load(&session->playing) && frame->src != session_frame_source;
}

/*
 * Whether Asterisk puts this end of a key back into the channel's queue, because it is busy with another one or the gap is too short: then it passes here
 * once more. The same look as __ast_read() takes after us.
 */
static bool is_put_back(struct ast_channel *channel)
{
	if (ast_test_flag(ast_channel_flags(channel), AST_FLAG_DEFER_DTMF | AST_FLAG_EMULATE_DTMF)) {
		return true;
	}
	return !ast_test_flag(ast_channel_flags(channel), AST_FLAG_IN_DTMF | AST_FLAG_END_DTMF_ONLY) && !ast_tvzero(*ast_channel_dtmf_tv(channel))
		&& ast_tvdiff_ms(ast_tvnow(), *ast_channel_dtmf_tv(channel)) < MIN_GAP_BETWEEN_KEYS_MS;
}

/* A frame on its way to the caller. */
static struct ast_frame *on_write(struct session *session, struct ast_channel *channel, struct ast_frame *frame)
{
	if (frame->src == session_frame_source) {
		/* ast_write() does not say whether it got so far. What comes after the hooks is swallowed where a generator is active. */
		atomic_store(&session->frame_passed, true);
		if (ast_channel_generatordata(channel)) {
			atomic_store(&session->frame_swallowed, true);
		}
	}
	return is_talked_over(session, frame) ? &ast_null_frame : frame;
}

/* One that comes from the caller. */
static void on_read(struct session *session, struct ast_channel *channel, struct ast_frame *frame)
{
	if (frame->frametype == AST_FRAME_VOICE) {
		capture_voice(session, frame);
	} else if (frame->frametype == AST_FRAME_DTMF_END && !is_put_back(channel)) {
		aic_link_dtmf(session->link, (char) frame->subclass.integer);
	}
}

static struct ast_frame *on_event(struct ast_channel *channel, struct ast_frame *frame, enum ast_framehook_event event, void *data)
{
	struct session *session = data;
	unsigned int locks;

	if (!frame || !session->capturing) {
		return frame;
	}
	locks = locks_enter_callback();
	if (event == AST_FRAMEHOOK_EVENT_WRITE) {
		frame = on_write(session, channel, frame);
	} else if (event == AST_FRAMEHOOK_EVENT_READ) {
		on_read(session, channel, frame);
	}
	locks_leave_callback(locks);
	return frame;
}

/* Native bridging would take the caller's audio past us: say that we use it. */
static int consumes(void *data, enum ast_frame_type type)
{
	return type == AST_FRAME_VOICE || type == AST_FRAME_DTMF_END;
}

/*
 * A masquerade moves the hook, under a new id, to the channel that takes over. Both channels are locked. A hook that was detached and has not been
 * destroyed is moved as well, and is attached again.
 */
static void on_moved(void *data, int framehook_id, struct ast_channel *old_channel, struct ast_channel *new_channel)
{
	struct session *session = data;
	unsigned int locks = locks_enter_callback();
	struct ast_channel *before;

	if (session->capturing) {
		session->framehook_id = framehook_id;
		session_note_identity(session, new_channel);
		session_lock(session);
		before = session->channel;
		session->channel = ast_channel_ref(new_channel);
		session_unlock(session);
		if (before) {
			ast_channel_unref(before);
		}
	} else {
		ast_framehook_detach(new_channel, framehook_id);
	}
	locks_leave_callback(locks);
}

/* A masquerade gives our channel another one's name, unique id and driver; we stay on it. Both channels are locked. */
static void on_taken_over(void *data, int framehook_id, struct ast_channel *old_channel, struct ast_channel *new_channel)
{
	struct session *session = data;
	unsigned int locks = locks_enter_callback();

	if (session->capturing) {
		session_note_identity(session, new_channel);
	}
	locks_leave_callback(locks);
}

static void on_destroy(void *data)
{
	struct session *session = data;

	if (session->capturing) {
		unsigned int locks = locks_enter_callback();

		/* Destroyed with the channel and not by us: the caller is gone. */
		session_lost_channel(session);
		locks_leave_callback(locks);
	}
	drop_translator(session);
	ao2_ref(session, -1);
}

int framehook_attach(struct ast_channel *channel, struct session *session)
{
	struct ast_framehook_interface interface = {
		.version = AST_FRAMEHOOK_INTERFACE_VERSION,
		.event_cb = on_event,
		.destroy_cb = on_destroy,
		.consume_cb = consumes,
		.chan_fixup_cb = on_moved,
		.chan_breakdown_cb = on_taken_over,
		.data = session,
	};

	ao2_ref(session, +1);
	session->capturing = 1;
	session->framehook_id = ast_framehook_attach(channel, &interface);
	if (session->framehook_id < 0) {
		session->capturing = 0;
		ao2_ref(session, -1);
		return -1;
	}
	return 0;
}

void framehook_detach(struct ast_channel *channel, struct session *session)
{
	session->capturing = 0;
	if (session->framehook_id >= 0) {
		ast_framehook_detach(channel, session->framehook_id);
		session->framehook_id = -1;
	}
}
