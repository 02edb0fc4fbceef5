/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A framehook runs in the thread that reads or writes the channel, with the channel locked, and reads in front of
 * translation: frames come in whatever the channel's peer sends, and that can change during a call. It outlives its
 * detachment until the next frame, hence its `current`.
 *
 * Hooks behind ours may put other frames in the place of those that passed us, as a jitter buffer does; Asterisk then
 * begins the round of hooks again, and we see what came of it too. Being the last one we see that only: so whoever
 * finds itself covered is attached anew.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/frame.h"
#include "asterisk/framehook.h"
#include "asterisk/logger.h"
#include "asterisk/translate.h"
#include "asterisk/utils.h"

#include "channel_line.h"
#include "locks.h"
#include "output.h"

/* As main/channel.c has it: a key so soon after the one before is put back and read again later. */
#define MIN_GAP_BETWEEN_KEYS_MS 45

/* So often a hook is attached anew: two that both want to be the last would not come to an end. */
#define HOOKS_MAX 16

/* Samples that no frame has: of a control frame that was read and may come again. */
#define SEEN_BEFORE (-0x41494356)

/* The data of one framehook. Guarded by the channel's lock. */
struct line_hook {
	struct channel_line *line; /* owned reference */
	bool current; /* it is the line's; else it waits to be destroyed */
	bool has_read;           /* a frame, which was the channel's `frame_number` */
	unsigned int frame_number;
};

/* What is to be done with a part of a voice frame, in the line's format. */
typedef void (*take_audio_fn)(struct channel_line *line, const uint8_t *bytes, size_t length, bool directly);

/* The path from the frame's format to the line's. NULL where there is none. */
static struct ast_trans_pvt *translator_for(struct channel_line *line, struct translation *translation,
	struct ast_format *from)
{
	if (translation_choose(translation, from, line->ast_format) && !translation->path) {
		/* Once for each format, not for each frame. */
		log_line(LOG_WARNING, "%s: audio in %s cannot be translated to %s; the agent does not hear it",
			ast_channel_name(line->channel), ast_format_get_name(from), ast_format_get_name(line->ast_format));
	}
	return translation->path;
}

static void hand_over_audio(struct channel_line *line, const uint8_t *bytes, size_t length, bool directly)
{
	if (line->hears_both) {
		bytes = aic_party_mix_first(&line->mix, bytes, length);
	}
	if (directly) {
		aic_link_caller_audio(line->link, bytes, length);
	} else {
		aic_link_feed_audio(line->link, bytes, length);
	}
}

/* What somebody else says to the caller. */
static void hand_over_other_party(struct channel_line *line, const uint8_t *bytes, size_t length, bool directly)
{
	size_t given;
	const uint8_t *alone = aic_party_mix_second(&line->mix, bytes, length, &given);

	if (given) {
		aic_link_feed_audio(line->link, alone, given);
	}
}

/* Hands a voice frame over in the line's format. */
static void take_frame(struct channel_line *line, struct translation *translation, struct ast_frame *frame,
	take_audio_fn take, bool directly)
{
	struct ast_frame *translated, *part;
	struct ast_trans_pvt *translator;

	if (ast_format_cmp(frame->subclass.format, line->ast_format) == AST_FORMAT_CMP_EQUAL) {
		take(line, frame->data.ptr, (size_t) frame->datalen, directly);
		return;
	}
	if (!(translator = translator_for(line, translation, frame->subclass.format))
		|| !(translated = ast_translate(translator, frame, 0))) {
		return;
	}
	for (part = translated; part; part = AST_LIST_NEXT(part, frame_list)) {
		if (part->frametype == AST_FRAME_VOICE && part->data.ptr && part->datalen > 0) {
			take(line, part->data.ptr, (size_t) part->datalen, directly);
		}
	}
	if (translated != frame) {
		ast_frfree(translated);
	}
}

/* In the place of packets that did not come. */
static void hand_over_silence(struct channel_line *line, uint32_t ms, bool directly)
{
	uint8_t silence[320]; /* whole samples of any format */
	size_t left = aic_format_bytes(line->format, ms);

	memset(silence, aic_silence_byte(line->format.encoding), sizeof(silence));
	while (left) {
		size_t length = MIN(left, sizeof(silence));

		hand_over_audio(line, silence, length, directly);
		left -= length;
	}
}

/* Whether it has its place in the caller's audio; what is missing in front of it is handed over as silence. */
static bool keep_order(struct channel_line *line, const struct ast_frame *frame, bool directly)
{
	uint32_t missing_ms;

	if (!ast_test_flag(frame, AST_FRFLAG_HAS_TIMING_INFO)) {
		aic_packet_order_forget(&line->order);
		return true;
	}
	if (!aic_packet_order_take(&line->order, (uint16_t) frame->seqno, frame->ts, (uint32_t) frame->len, &missing_ms)) {
		return false;
	}
	if (missing_ms) {
		hand_over_silence(line, missing_ms, directly);
	}
	return true;
}

void channel_hook_capture_voice(struct channel_line *line, struct ast_frame *frame, bool directly)
{
	if (!frame->data.ptr || frame->datalen <= 0) {
		return;
	}
	if (!keep_order(line, frame, directly)) {
		return;
	}
	atomic_fetch_add_explicit(&line->frames_received, 1, memory_order_relaxed);
	take_frame(line, &line->translation, frame, hand_over_audio, directly);
}

static void note_control(struct channel_line *line, const struct ast_frame *frame, unsigned int by)
{
	if (frame->subclass.integer == AST_CONTROL_HOLD) {
		atomic_fetch_or(&line->holds, by);
	} else if (frame->subclass.integer == AST_CONTROL_UNHOLD) {
		atomic_fetch_and(&line->holds, ~by);
	} else {
		return;
	}
	if (line->link) {
		aic_link_set_on_hold(line->link, atomic_load(&line->holds));
	}
}

/*
 * Whether that frame was read before: Wait() and what else sleeps on a channel puts those of holds back into its queue,
 * for who comes after it, and each sleep of a subroutine reads all of them again. A copy keeps the number of samples,
 * of which a control frame has none.
 */
static bool is_read_again(struct ast_frame *frame)
{
	bool again = frame->samples == SEEN_BEFORE;

	/* One that its driver keeps it uses for others as well; what is put back is a copy. */
	if (frame->mallocd & AST_MALLOCD_HDR) {
		frame->samples = SEEN_BEFORE;
	}
	return again;
}

void channel_hook_note_read(struct channel_line *line, struct ast_frame *frame)
{
	int what = frame->subclass.integer;

	if ((what == AST_CONTROL_HOLD || what == AST_CONTROL_UNHOLD) && !is_read_again(frame)) {
		note_control(line, frame, HELD_BY_CALLER);
	}
}

/* Another channel, or another party: who held is not there any more. The channel is locked. */
static void forget_holds(struct channel_line *line)
{
	if (atomic_exchange(&line->holds, 0) && line->link) {
		aic_link_set_on_hold(line->link, false);
	}
}

static bool is_others(const struct ast_frame *voice)
{
	return voice->src != channel_frame_source && voice->src != channel_idle_source;
}

/*
 * Whether Asterisk puts this end of a key back into the channel's queue, because it is busy with another one or the gap
 * is too short: then it passes here once more. The same look as __ast_read() takes after us.
 */
static bool is_put_back(struct ast_channel *channel)
{
	if (ast_test_flag(ast_channel_flags(channel), AST_FLAG_DEFER_DTMF | AST_FLAG_EMULATE_DTMF)) {
		return true;
	}
	return !ast_test_flag(ast_channel_flags(channel), AST_FLAG_IN_DTMF | AST_FLAG_END_DTMF_ONLY)
		&& !ast_tvzero(*ast_channel_dtmf_tv(channel)) && ast_tvdiff_ms(ast_tvnow(),
		*ast_channel_dtmf_tv(channel)) < MIN_GAP_BETWEEN_KEYS_MS;
}

/*
 * A frame on its way to the caller. Under a conversation in the background the dialplan, or another party, may be heard
 * as well; two streams of frames in one would reach the caller as neither, so while the agent talks it alone is heard.
 */
static struct ast_frame *on_write(struct channel_line *line, struct ast_channel *channel, struct ast_frame *frame)
{
	if (frame->src == channel_frame_source) {
		/* ast_write() does not say whether it got so far. */
		atomic_store(&line->frame_passed, true);
	}
	if (frame->frametype == AST_FRAME_CONTROL) {
		note_control(line, frame, HELD_BY_OTHER);
	}
	if (frame->frametype != AST_FRAME_VOICE) {
		return frame;
	}
	if (is_others(frame)) {
		atomic_store_explicit(&line->others_heard, true, memory_order_relaxed);
		if (atomic_load(&line->playing)) {
			return &ast_null_frame;
		}
		if (line->hears_both && frame->data.ptr && frame->datalen > 0) {
			take_frame(line, &line->other_translation, frame, hand_over_other_party, false);
		}
	}
	return channel_encoder_encode(&line->encoder, channel, line->ast_format, frame);
}

/*
 * Notes that a frame is read, and whether it is the second one of the same read: then another hook has put it in the
 * place of the first.
 */
static void note_read(struct line_hook *hook, struct ast_channel *channel)
{
	/* Asterisk counts them behind the hooks. */
	unsigned int frame_number = ast_channel_fin(channel);

	if (hook->has_read && hook->frame_number == frame_number && hook->line->hooks_attached < HOOKS_MAX) {
		atomic_store(&hook->line->hook_is_covered, true);
		channel_reader_wake(hook->line);
	}
	hook->has_read = true;
	hook->frame_number = frame_number;
}

/* One that comes from the caller, and is not handed over by who reads it. */
static void on_read(struct line_hook *hook, struct ast_channel *channel, struct ast_frame *frame)
{
	struct channel_line *line = hook->line;

	note_read(hook, channel);
	if (frame->frametype == AST_FRAME_VOICE) {
		channel_hook_capture_voice(line, frame, false);
	} else if (frame->frametype == AST_FRAME_DTMF_END && !is_put_back(channel)) {
		aic_link_feed_key(line->link, (char) frame->subclass.integer);
	} else if (frame->frametype == AST_FRAME_CONTROL) {
		channel_hook_note_read(line, frame);
	}
}

/*
 * Whether who reads this channel, which is locked, is told that the call is over: not where it is sent elsewhere, or
 * goes on at the dialplan's extension T.
 */
static bool is_over(struct ast_channel *channel)
{
	int flags = ast_channel_softhangup_internal_flag(channel);

	return (flags & (AST_SOFTHANGUP_DEV | AST_SOFTHANGUP_EXPLICIT | AST_SOFTHANGUP_SHUTDOWN))
		&& !(flags & AST_SOFTHANGUP_ASYNCGOTO) && !ast_test_flag(ast_channel_flags(channel), AST_FLAG_ZOMBIE);
}

static struct ast_frame *on_event(struct ast_channel *channel, struct ast_frame *frame, enum ast_framehook_event event,
	void *data)
{
	struct line_hook *hook = data;
	unsigned int locks;

	if (!hook->current || (!frame && event != AST_FRAMEHOOK_EVENT_READ)) {
		return frame;
	}
	locks = locks_enter_callback();
	if (!frame) {
		if (hook->line->background && is_over(channel)) {
			hook->line->owner->hung_up(hook->line->user, channel);
		}
	} else if (event == AST_FRAMEHOOK_EVENT_WRITE) {
		frame = on_write(hook->line, channel, frame);
	} else if (event == AST_FRAMEHOOK_EVENT_READ && atomic_load(&hook->line->capture) == CAPTURE_BY_HOOK) {
		on_read(hook, channel, frame);
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
 * A masquerade moves the hook, under a new id, to the channel that takes over. Both channels are locked. A hook that
 * was detached and has not been destroyed is moved as well, and is attached again.
 */
static void on_moved(void *data, int framehook_id, struct ast_channel *old_channel, struct ast_channel *new_channel)
{
	struct line_hook *hook = data;
	struct channel_line *line = hook->line;
	unsigned int locks = locks_enter_callback();
	struct ast_channel *before;

	if (hook->current) {
		line->hook_id = framehook_id;
		atomic_store(&line->patient, channel_writer_is_patient(new_channel));
		line_lock(line);
		before = line->channel;
		line->channel = ast_channel_ref(new_channel);
		atomic_fetch_add(&line->channel_changes, 1);
		line_unlock(line);
		line->owner->renamed(line->user, new_channel);
		forget_holds(line);
		if (before) {
			ast_channel_unref(before);
		}
	} else {
		ast_framehook_detach(new_channel, framehook_id);
	}
	locks_leave_callback(locks);
}

/* A masquerade gives our channel another one's name, unique id and driver; we stay on it. Both channels are locked. */
static void on_taken_over(void *data, int framehook_id, struct ast_channel *old_channel,
	struct ast_channel *new_channel)
{
	struct line_hook *hook = data;
	unsigned int locks = locks_enter_callback();

	if (hook->current) {
		atomic_store(&hook->line->patient, channel_writer_is_patient(new_channel));
		atomic_fetch_add(&hook->line->channel_changes, 1);
		hook->line->owner->renamed(hook->line->user, new_channel);
		forget_holds(hook->line);
		/* It has other descriptors now, be their numbers the same. */
		channel_reader_wake(hook->line);
	}
	locks_leave_callback(locks);
}

static void on_destroy(void *data)
{
	struct line_hook *hook = data;
	struct channel_line *line = hook->line;

	if (hook->current) {
		unsigned int locks = locks_enter_callback();

		/* Destroyed with the channel and not by us: the caller is gone. */
		hook->current = false;
		line->hook = NULL;
		line->owner->lost(line->user);
		locks_leave_callback(locks);
	}
	if (!line->hook) {
		translation_drop(&line->translation);
		translation_drop(&line->other_translation);
		aic_party_mix_clear(&line->mix);
		channel_encoder_clear(&line->encoder);
	}
	ast_free(hook);
	ao2_ref(line, -1);
}

int channel_hook_attach(struct channel_line *line, struct ast_channel *channel)
{
	struct line_hook *hook = ast_calloc(1, sizeof(*hook));
	struct ast_framehook_interface interface = {
		.version = AST_FRAMEHOOK_INTERFACE_VERSION,
		.event_cb = on_event,
		.destroy_cb = on_destroy,
		.consume_cb = consumes,
		.chan_fixup_cb = on_moved,
		.chan_breakdown_cb = on_taken_over,
		.data = hook,
	};
	int hook_id;

	if (!hook) {
		return -1;
	}
	hook->line = ao2_bump(line);
	hook->current = true;
	if ((hook_id = ast_framehook_attach(channel, &interface)) < 0) {
		ast_free(hook);
		ao2_ref(line, -1);
		return -1;
	}
	channel_hook_detach(line, channel);
	line->hook = hook;
	line->hook_id = hook_id;
	line->hooks_attached++;
	atomic_store(&line->hook_is_covered, false);
	return 0;
}

void channel_hook_detach(struct channel_line *line, struct ast_channel *channel)
{
	if (line->hook) {
		line->hook->current = false;
		line->hook = NULL;
		/* It is destroyed at the channel's next frame, or with the channel. */
		ast_framehook_detach(channel, line->hook_id);
	}
}
