/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/format_cache.h"
#include "asterisk/frame.h"
#include "asterisk/logger.h"

#include "channel_line.h"
#include "locks.h"
#include "output.h"
#include "patient_writer.h"

static void line_destroy(void *object)
{
	struct channel_line *line = object;

	ast_mutex_destroy(&line->lock);
	ast_cond_destroy(&line->returned);
	ast_free(line->patient_frame);
	ao2_cleanup(line->ast_format);
	ao2_cleanup(line->write_format_before);
	ao2_cleanup(line->read_format_before);
	if (line->channel) {
		ast_channel_unref(line->channel);
	}
}

static void choose_format(struct channel_line *line, struct ast_channel *channel)
{
	struct ast_format *native = ast_channel_rawreadformat(channel);
	unsigned int rate;

	if (ast_format_cmp(native, ast_format_ulaw) == AST_FORMAT_CMP_EQUAL) {
		line->ast_format = ao2_bump(ast_format_ulaw);
		line->format = (struct aic_audio_format) {AIC_ENCODING_ULAW, 8000};
		return;
	}
	if (ast_format_cmp(native, ast_format_alaw) == AST_FORMAT_CMP_EQUAL) {
		line->ast_format = ao2_bump(ast_format_alaw);
		line->format = (struct aic_audio_format) {AIC_ENCODING_ALAW, 8000};
		return;
	}
	rate = ast_format_get_sample_rate(native);
	line->ast_format = ao2_bump(ast_format_cache_get_slin_by_rate(rate > 48000 ? 48000 : rate));
	line->format = (struct aic_audio_format) {AIC_ENCODING_PCM16, ast_format_get_sample_rate(line->ast_format)};
}

struct channel_line *channel_line_new(struct ast_channel *channel, bool background,
	const struct channel_line_owner *owner, void *user)
{
	struct channel_line *line = ao2_alloc_options(sizeof(*line), line_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!line) {
		return NULL;
	}
	line->line.kind = &channel_writer_kind;
	line->background = background;
	line->owner = owner;
	line->user = user;
	line->hook_id = -1;
	ast_mutex_init(&line->lock);
	ast_cond_init(&line->returned, NULL);
	atomic_store(&line->capture, background ? CAPTURE_BY_HOOK : CAPTURE_BY_READER);
	atomic_store(&line->patient, channel_writer_is_patient(channel));
	choose_format(line, channel);
	line->channel = ast_channel_ref(channel);
	atomic_store(&line->channel_changes, 1);
	channel_reader_init(line);
	return line;
}

size_t channel_line_frame_bytes(const struct channel_line *line)
{
	return aic_format_bytes(line->format, AIC_FRAME_MS);
}

struct ast_channel *channel_line_channel(struct channel_line *line)
{
	struct ast_channel *channel;

	line_lock(line);
	channel = line->channel ? ast_channel_ref(line->channel) : NULL;
	line_unlock(line);
	return channel;
}

int channel_line_attach(struct channel_line *line, struct aic_link *link)
{
	struct ast_channel *channel = channel_line_channel(line);
	int result;

	channel_lock(channel);
	line->write_format_before = ao2_bump(ast_channel_writeformat(channel));
	if (ast_set_write_format(channel, line->ast_format)) {
		log_line(LOG_WARNING, "%s: agent audio in %s cannot be translated for this channel; the caller hears nothing",
			ast_channel_name(channel), ast_format_get_name(line->ast_format));
	}
	if (!line->background) {
		line->read_format_before = ao2_bump(ast_channel_readformat(channel));
		/* What comes in another format all the same is translated by us, or complained about. */
		ast_set_read_format(channel, line->ast_format);
	}
	line->link = link;
	aic_link_hold(link);
	if ((result = channel_hook_attach(line, channel))) {
		aic_link_release(link);
		line->link = NULL;
	} else {
		line->attached = true;
	}
	channel_unlock(channel);
	ast_channel_unref(channel);
	return result;
}

/* The channel, or NULL where it is gone already, is locked. */
static void leave_channel(struct channel_line *line, struct ast_channel *channel)
{
	struct ast_channel *held;
	struct aic_link *link = line->link;

	line->attached = false;
	line->link = NULL;
	if (channel) {
		channel_hook_detach(line, channel);
		if (line->write_format_before) {
			ast_set_write_format(channel, line->write_format_before);
		}
		if (line->read_format_before) {
			ast_set_read_format(channel, line->read_format_before);
		}
	}
	line_lock(line);
	held = line->channel;
	line->channel = NULL;
	atomic_fetch_add(&line->channel_changes, 1);
	line_unlock(line);
	if (link) {
		aic_link_release(link);
	}
	if (held) {
		ast_channel_unref(held);
	}
}

static void stop_writing(struct aic_conversation *conversation, void *arg)
{
	aic_link_leave_line(arg);
}

/* The link while the line is attached to that channel, with a reference for the caller. */
static struct aic_link *link_on(struct channel_line *line, struct ast_channel *channel)
{
	struct aic_link *link;

	channel_lock(channel);
	if ((link = line->link)) {
		aic_link_hold(link);
	}
	channel_unlock(channel);
	return link;
}

struct ast_channel *channel_line_leave(struct channel_line *line)
{
	struct ast_channel *channel;

	while ((channel = channel_line_channel(line))) {
		struct aic_link *link = link_on(line, channel);
		bool still_there;

		if (link) {
			aic_link_query(link, stop_writing, link);
			aic_link_release(link);
		}
		patient_writer_drain(line);
		channel_lock(channel);
		/* A masquerade may have moved the line before we had the lock. */
		if ((still_there = line->channel == channel)) {
			leave_channel(line, channel);
		}
		channel_unlock(channel);
		if (still_there) {
			break;
		}
		ast_channel_unref(channel);
	}
	return channel;
}

void channel_line_lose(struct channel_line *line)
{
	if (line->link) {
		aic_link_lose_line(line->link);
	}
	leave_channel(line, NULL);
}

bool channel_line_was_wanted(struct channel_line *line)
{
	return atomic_exchange(&line->thread_wanted, false);
}

void channel_line_capture(struct channel_line *line, enum capture capture)
{
	atomic_store(&line->capture, capture);
}

void channel_line_hear_both(struct channel_line *line, struct ast_channel *channel, bool both)
{
	channel_lock(channel);
	if (both) {
		aic_party_mix_init(&line->mix, line->format);
	} else {
		aic_party_mix_clear(&line->mix);
		translation_drop(&line->other_translation);
	}
	line->hears_both = both;
	channel_unlock(channel);
}

void channel_line_note_silence(struct channel_line *line)
{
	atomic_store(&line->playing, false);
}
