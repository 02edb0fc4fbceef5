/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/audiohook.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/format_cache.h"
#include "asterisk/frame.h"
#include "asterisk/logger.h"
#include "asterisk/translate.h"

#include "channel_encoder.h"
#include "output.h"

#include <stdbool.h>

/* Whether what a decoder makes of a packet depends on those before it. */
static bool has_memory(struct ast_format *format)
{
	return !translation_is_same(format, ast_format_ulaw) && !translation_is_same(format, ast_format_alaw)
		&& !ast_format_cache_is_slinear(format);
}

static void forget_frame(struct ast_frame **frame)
{
	if (*frame) {
		ast_frfree(*frame);
		*frame = NULL;
	}
}

void channel_encoder_clear(struct channel_encoder *encoder)
{
	forget_frame(&encoder->linear);
	forget_frame(&encoder->encoded);
	translation_drop(&encoder->encoding);
	translation_drop(&encoder->decoding);
}

/* The frame in linear audio: itself, or a copy. NULL where that cannot be had. */
static struct ast_frame *as_linear(struct channel_encoder *encoder, struct ast_format *linear, struct ast_frame *frame)
{
	struct ast_format *format = frame->subclass.format;

	if (translation_is_same(format, linear)) {
		return frame;
	}
	translation_choose(&encoder->decoding, format, linear);
	forget_frame(&encoder->linear);
	if (encoder->decoding.path) {
		encoder->linear = ast_translate(encoder->decoding.path, frame, 0);
	}
	return encoder->linear;
}

/* The encoder for what the channel sends now. NULL where there is none. */
static struct ast_trans_pvt *encoder_for(struct channel_encoder *encoder, struct ast_channel *channel,
	struct ast_format *linear, struct ast_format *target)
{
	if (translation_choose(&encoder->encoding, linear, target) && !encoder->encoding.path) {
		log_line(LOG_WARNING, "%s: there is no encoder from %s to %s: music, files and the agent are encoded each by "
			"itself, and may be heard with a burst in between", ast_channel_name(channel),
			ast_format_get_name(linear), ast_format_get_name(target));
	}
	return encoder->encoding.path;
}

/* Whether somebody's voice is mixed in behind us, into linear audio: a supervisor's, or a volume that was set. */
static bool is_mixed_later(struct ast_channel *channel)
{
	struct ast_audiohook_list *hooks = ast_channel_audiohooks(channel);

	return hooks && !ast_audiohook_write_list_empty(hooks);
}

struct ast_frame *channel_encoder_encode(struct channel_encoder *encoder, struct ast_channel *channel,
	struct ast_format *linear, struct ast_frame *frame)
{
	struct ast_format *target = ast_channel_rawwriteformat(channel);
	struct ast_trans_pvt *encoding;
	struct ast_frame *samples;

	if (!has_memory(target) || !(encoding = encoder_for(encoder, channel, linear, target))
		|| !(samples = as_linear(encoder, linear, frame))) {
		return frame;
	}
	if (is_mixed_later(channel)) {
		return samples;
	}
	forget_frame(&encoder->encoded);
	encoder->encoded = ast_translate(encoding, samples, 0);
	/* Where a packet holds more than came, there is none yet. */
	return encoder->encoded ? encoder->encoded : &ast_null_frame;
}
