/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The agent's audio on its way into the playout queue. Where it is resampled the last 4 ms are still in the filter when
 * it ends, and are queued once that is known: because the service says so, because another connection takes over or
 * none does, or because nothing has come for a while.
 */
#include "conversation_state.h"

/* Agent audio that is converted is so in parts of this length: one message may hold minutes of it. */
#define PART_MS 2000

/*
 * So long after the last of it was heard audio is taken to have ended. Packets that are late by less than that lie in
 * the jitter buffer of a telephone; whatever was put between them would keep all that follows waiting.
 */
#define LATE_US (60 * US_PER_MS)

/*
 * Nobody who sends audio as it is heard pauses for so long: then the end is queued before the rest was heard, and joins
 * it without a gap.
 */
#define PAUSE_US (AIC_TURN_PAUSE_MS * US_PER_MS)

static bool is_levelled(const struct aic_conversation *conversation)
{
	return conversation->settings->agent_level_dbfs < 0;
}

/* Makes what was converted as loud as it is to be. */
static void level(struct aic_conversation *conversation, struct aic_buffer *converted)
{
	if (is_levelled(conversation)) {
		aic_leveller_run(&conversation->downlink.leveller, converted->bytes, converted->length);
	}
}

/* A part of the agent's audio in the line's format, as loud as it is to be. Returns 0, or -1 when memory is short. */
static int convert(struct aic_conversation *conversation, const uint8_t *bytes, size_t length)
{
	struct aic_buffer *converted = &conversation->downlink.converted;

	converted->length = 0;
	if (aic_transcoder_run(conversation->downlink.transcoder, bytes, length, converted)) {
		return -1;
	}
	level(conversation, converted);
	return 0;
}

/*
 * Converts a part of the agent's audio and queues it; adds to `queued` how much that was. Returns 0, 1 when it did not
 * fit into the queue, or -1 when memory is short.
 */
static int queue_part(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes, size_t length,
	size_t *queued)
{
	int64_t result;

	if (!aic_transcoder_passes_through(conversation->downlink.transcoder) || is_levelled(conversation)) {
		if (convert(conversation, bytes, length)) {
			return -1;
		}
		bytes = conversation->downlink.converted.bytes;
		length = conversation->downlink.converted.length;
	}
	aic_energy_add(&conversation->downlink.energy, conversation->stats.line_format.encoding, bytes, length);
	result = aic_playout_queue_append(conversation->playout, event_id, bytes, length, conversation->now_us);
	if (result < 0) {
		return -1;
	}
	*queued += (size_t) result;
	return (size_t) result < length;
}

static uint64_t line_us(const struct aic_conversation *conversation, size_t bytes)
{
	return bytes / aic_sample_bytes(conversation->stats.line_format) * US_PER_SECOND
		/ conversation->stats.line_format.rate;
}

/* So much was queued: sees when it has been heard, and when to look whether that was all. */
static void expect_more(struct aic_conversation *conversation, size_t queued)
{
	struct aic_downlink_tail *tail = &conversation->downlink.tail;

	if (!aic_transcoder_holds(conversation->downlink.transcoder)) {
		return;
	}
	tail->came_us = conversation->now_us;
	tail->heard_us = aic_later(tail->heard_us, conversation->now_us) + line_us(conversation, queued);
	tail->due_us = conversation->now_us + LATE_US;
}

int aic_conversation_queue_audio(struct aic_conversation *conversation, int64_t event_id, const uint8_t *bytes,
	size_t length, size_t *queued)
{
	struct aic_audio_format from = conversation->stats.downlink_format, to = conversation->stats.line_format;
	bool whole = aic_transcoder_passes_through(conversation->downlink.transcoder);
	size_t part = whole ? length : aic_format_bytes(from, PART_MS);
	int result = 0;

	while (length && !result) {
		size_t now = length < part ? length : part;

		result = queue_part(conversation, event_id, bytes, now, queued);
		bytes += now;
		length -= now;
	}
	if (length) {
		aic_playout_queue_overflow(conversation->playout,
			length / aic_sample_bytes(from) * to.rate / from.rate * aic_sample_bytes(to));
	}
	expect_more(conversation, *queued);
	return result;
}

void aic_conversation_audio_has_ended(struct aic_conversation *conversation)
{
	struct aic_buffer *end = &conversation->downlink.converted;
	int64_t queued = -1;

	conversation->downlink.tail.due_us = UINT64_MAX;
	if (!conversation->downlink.transcoder || !aic_transcoder_holds(conversation->downlink.transcoder)) {
		return;
	}
	end->length = 0;
	if (!aic_transcoder_finish(conversation->downlink.transcoder, end)) {
		level(conversation, end);
		aic_energy_add(&conversation->downlink.energy, conversation->stats.line_format.encoding, end->bytes,
			end->length);
		queued = aic_playout_queue_append_tail(conversation->playout, conversation->downlink.last_event_id, end->bytes,
			end->length);
	}
	if (queued < 0) {
		aic_conversation_tell_error(conversation, "agent audio was lost: out of memory");
	} else if (queued) {
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_AUDIO,
			.audio = {.appended_bytes = (size_t) queued}});
	}
}

void aic_conversation_forget_tail(struct aic_conversation *conversation)
{
	if (conversation->downlink.transcoder) {
		aic_transcoder_reset(conversation->downlink.transcoder);
	}
	conversation->downlink.tail.due_us = UINT64_MAX;
}

uint64_t aic_conversation_line_ms(const struct aic_conversation *conversation, uint64_t samples)
{
	return samples * 1000 / conversation->stats.line_format.rate;
}

void aic_conversation_interrupt(struct aic_conversation *conversation, int64_t event_id,
	struct aic_interruption *removed)
{
	struct aic_event event = {.type = AIC_EVENT_INTERRUPTION};

	aic_playout_queue_interrupt(conversation->playout, event_id, removed);
	if (event_id > conversation->downlink.interrupted_id) {
		conversation->downlink.interrupted_id = event_id;
	}
	/* What the resampler still holds belongs to the audio just removed, unless newer audio has passed through it. */
	if (conversation->downlink.last_event_id <= event_id) {
		aic_conversation_forget_tail(conversation);
	}
	if (!removed->remaining_chunks) {
		aic_caller_idle_agent_silenced(&conversation->caller_idle, aic_idle_clock(conversation));
	}
	conversation->stats.interruptions++;
	event.interruption.event_id = event_id;
	event.interruption.result = removed;
	event.interruption.heard_ms = aic_conversation_line_ms(conversation, removed->heard_samples);
	aic_conversation_tell(conversation, &event);
	aic_interruption_overtaken(conversation, event_id);
	aic_marks_look(conversation);
}

uint64_t aic_downlink_due(const struct aic_conversation *conversation)
{
	return conversation->downlink.tail.due_us;
}

bool aic_downlink_attend(struct aic_conversation *conversation)
{
	struct aic_downlink_tail *tail = &conversation->downlink.tail;
	size_t queued_bytes = aic_playout_queue_bytes(conversation->playout);
	uint64_t due_us;

	if (queued_bytes) {
		tail->heard_us = conversation->now_us + line_us(conversation, queued_bytes);
	}
	due_us = aic_earlier(tail->heard_us + LATE_US, aic_later(tail->came_us + PAUSE_US,
		tail->heard_us > LATE_US ? tail->heard_us - LATE_US : 0));
	if (conversation->now_us >= due_us) {
		aic_conversation_audio_has_ended(conversation);
	} else {
		/* Where nobody takes what is queued the time moves on with us. */
		tail->due_us = aic_later(due_us, conversation->now_us + AIC_FRAME_US);
	}
	return true;
}
