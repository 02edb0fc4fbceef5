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
#include "lines.h"
#include "session.h"

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

static struct ast_frame *on_event(struct ast_channel *channel, struct ast_frame *frame, enum ast_framehook_event event, void *data)
{
	struct session *session = data;

	if (!frame || !session->capturing) {
		return frame;
	}
	if (event == AST_FRAMEHOOK_EVENT_WRITE) {
		return is_talked_over(session, frame) ? &ast_null_frame : frame;
	}
	if (event != AST_FRAMEHOOK_EVENT_READ) {
		return frame;
	}
	if (frame->frametype == AST_FRAME_VOICE) {
		capture_voice(session, frame);
	} else if (frame->frametype == AST_FRAME_DTMF_END) {
		aic_link_dtmf(session->link, (char) frame->subclass.integer);
	}
	return frame;
}

/* Native bridging would take the caller's audio past us: say that we use it. */
static int consumes(void *data, enum ast_frame_type type)
{
	return type == AST_FRAME_VOICE || type == AST_FRAME_DTMF_END;
}

/* A masquerade moves the hook, under a new id, to the channel that takes over. Both channels are locked. */
static void on_moved(void *data, int framehook_id, struct ast_channel *old_channel, struct ast_channel *new_channel)
{
	struct session *session = data;
	struct ast_channel *before;

	ao2_lock(session);
	before = session->channel;
	if (before) {
		session->channel = ast_channel_ref(new_channel);
	}
	session->framehook_id = framehook_id;
	ao2_unlock(session);
	if (before) {
		ast_channel_unref(before);
	}
}

static void on_destroy(void *data)
{
	struct session *session = data;

	if (session->capturing) {
		/* Destroyed with the channel and not by us: the caller is gone. */
		session_lost_channel(session);
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
