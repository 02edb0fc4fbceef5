/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Writes the agent's frames to the channel, with nothing locked: a driver may have to wait for somebody in there, as a
 * Local channel's does for its other half. ast_write() itself only tries the channel's lock and, where it does not get
 * it, drops the frame without a word; so the framehook says whether the frame got through, and one that did not is
 * offered again.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/core_local.h"
#include "asterisk/format.h"
#include "asterisk/frame.h"

#include "channel_line.h"
#include "locks.h"
#include "patient_writer.h"

/*
 * A frame that did not get through, with the channel's lock free each time, is lost after so many attempts: another
 * hook may have taken it. At one a millisecond that is as long as the frame itself.
 */
#define ATTEMPTS_MAX 20

/*
 * Others who were heard are given so many frames to go on: what they say may come unevenly, and silence in between
 * would only put it off.
 */
#define FRAMES_LEFT_TO_OTHERS 4

_Static_assert(AST_FRIENDLY_OFFSET <= AIC_LINE_HEADROOM, "a driver writes its header into the headroom");

/*
 * ast_write() keeps everything from the caller while a generator is active (music, a tone, silence that is sent), but
 * for frames whose source is called this: those of ast_prod(). What the generator itself writes gives way in our
 * framehook while the agent is heard.
 */
const char channel_frame_source[] = "ast_prod";

/* Idle audio is for when there is no generator, nor anybody else. */
const char channel_idle_source[] = "aiconvai";

static struct {
	atomic_uint_fast64_t frames, idle, busy;
} totals;

struct channel_writer_totals channel_writer_totals(void)
{
	return (struct channel_writer_totals) {
		.frames = atomic_load(&totals.frames),
		.idle = atomic_load(&totals.idle),
		.busy = atomic_load(&totals.busy),
	};
}

bool channel_writer_is_patient(struct ast_channel *channel)
{
	/* These hand a packet to the kernel and return. */
	static const char *const prompt_drivers[] = {"PJSIP", "SIP", "IAX2", "DAHDI", "UnicastRTP"};
	const char *driver = ast_channel_tech(channel)->type;

	for (size_t i = 0; i < ARRAY_LEN(prompt_drivers); i++) {
		if (!strcmp(driver, prompt_drivers[i])) {
			return false;
		}
	}
	return true;
}

static struct ast_frame voice_frame(struct channel_line *line, uint8_t *frame, const char *source)
{
	size_t bytes = channel_line_frame_bytes(line);

	return (struct ast_frame) {
		.frametype = AST_FRAME_VOICE,
		.subclass.format = line->ast_format,
		.data.ptr = frame,
		.datalen = (int) bytes,
		.samples = (int) (bytes / aic_sample_bytes(line->format)),
		.offset = AST_FRIENDLY_OFFSET,
		.src = source,
	};
}

void channel_writer_write_idle(struct channel_line *line, struct ast_channel *channel, uint8_t *frame)
{
	struct ast_frame written = voice_frame(line, frame, channel_idle_source);

	locks_check_free("ast_write()");
	ast_write(channel, &written);
	atomic_fetch_add_explicit(&totals.idle, 1, memory_order_relaxed);
}

enum channel_written channel_writer_write(struct channel_line *line, struct ast_channel *channel, uint8_t *frame)
{
	struct ast_frame written = voice_frame(line, frame, channel_frame_source);

	atomic_store(&line->frame_passed, false);
	locks_check_free("ast_write()");
	/* Below zero: the channel is over, and the frame with it. */
	if (ast_write(channel, &written) < 0 || atomic_load(&line->frame_passed)) {
		atomic_fetch_add_explicit(&line->frames_played, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&totals.frames, 1, memory_order_relaxed);
		return CHANNEL_WRITTEN;
	}
	atomic_fetch_add_explicit(&totals.busy, 1, memory_order_relaxed);
	return CHANNEL_BUSY;
}

bool channel_writer_tries_again(struct channel_line *line, unsigned int *attempts)
{
	if (++*attempts < ATTEMPTS_MAX) {
		return true;
	}
	*attempts = 0;
	atomic_fetch_add_explicit(&line->frames_lost, 1, memory_order_relaxed);
	return false;
}

/* The channel as it is now; NULL: there is none any more. Valid until the next call. */
static struct ast_channel *current_channel(struct channel_line *line)
{
	unsigned int changes = atomic_load(&line->channel_changes);

	/* Rare: a masquerade, or the end. */
	if (changes != line->changes_seen) {
		struct ast_channel *before = line->writing;

		line->changes_seen = changes;
		line->writing = channel_line_channel(line);
		if (before) {
			ast_channel_unref(before);
		}
	}
	return line->writing;
}

static struct channel_line *line_of(struct aic_line *base)
{
	/* It is the first member. */
	return (struct channel_line *) base;
}

static enum aic_line_written write_frame(struct aic_line *base, uint8_t *frame, size_t bytes)
{
	struct channel_line *line = line_of(base);
	struct ast_channel *channel = current_channel(line);

	atomic_store(&line->playing, true);
	if (atomic_load(&line->has_way_to_make)) {
		line->owner->make_way(line->user);
	}
	if (!channel) {
		return AIC_LINE_WRITTEN;
	}
	if (atomic_load(&line->patient)) {
		return patient_writer_write(line, frame, bytes, false);
	}
	if (channel_writer_write(line, channel, frame) == CHANNEL_BUSY) {
		return channel_writer_tries_again(line, &line->attempts) ? AIC_LINE_BUSY : AIC_LINE_WRITTEN;
	}
	line->attempts = 0;
	return AIC_LINE_WRITTEN;
}

/*
 * Whether idle audio is left out because somebody else is heard, or was a moment ago. A generator (music, a tone) is:
 * where it may be interrupted, any frame ends it.
 */
static bool is_left_to_others(struct channel_line *line, bool has_generator)
{
	if (has_generator || atomic_exchange_explicit(&line->others_heard, false, memory_order_relaxed)) {
		line->frames_left_to_others = FRAMES_LEFT_TO_OTHERS;
	}
	if (!line->frames_left_to_others) {
		return false;
	}
	line->frames_left_to_others--;
	return true;
}

static enum aic_line_written write_idle(struct aic_line *base, uint8_t *frame, size_t bytes)
{
	struct channel_line *line = line_of(base);
	struct ast_channel *channel = current_channel(line);
	bool has_generator;

	if (!channel) {
		return AIC_LINE_TAKEN;
	}
	/* Somebody has it for a moment; whether that is heard shows then. */
	if (!channel_try_lock(channel)) {
		return AIC_LINE_BUSY;
	}
	has_generator = ast_channel_generatordata(channel);
	channel_unlock(channel);
	if (is_left_to_others(line, has_generator)) {
		return AIC_LINE_TAKEN;
	}
	if (atomic_load(&line->patient)) {
		return patient_writer_write(line, frame, bytes, true);
	}
	channel_writer_write_idle(line, channel, frame);
	return AIC_LINE_WRITTEN;
}

/* The channel is not kept alive for longer than it is written to. */
static void leave(struct aic_line *base)
{
	struct channel_line *line = line_of(base);

	if (line->writing) {
		ast_channel_unref(line->writing);
		line->writing = NULL;
	}
}

const struct aic_line_kind channel_writer_kind = {
	.name = "channel",
	.write = write_frame,
	.write_idle = write_idle,
	.left = leave,
};
