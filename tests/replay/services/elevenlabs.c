/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

#include <inttypes.h>

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/v1/convai/conversation?agent_id=replay"},
};

static const char *const formats[] = {"ulaw_8000", "pcm_16000", NULL};

static void ready(struct aic_buffer *text, const char *format)
{
	put(text, "{\"conversation_initiation_metadata_event\":{\"conversation_id\":\"conv_replay\",");
	put(text, "\"agent_output_audio_format\":\"%s\",\"user_input_audio_format\":\"%s\"},", format, format);
	put(text, "\"type\":\"conversation_initiation_metadata\"}");
}

static void ping(struct aic_buffer *text, int64_t number)
{
	put(text, "{\"ping_event\":{\"event_id\":%" PRId64 ",\"ping_ms\":%" PRId64 "},\"type\":\"ping\"}", number, 40
		+ number % 7);
}

static void voice_activity(struct aic_buffer *text, double score)
{
	put(text, "{\"vad_score_event\":{\"vad_score\":%.16f},\"type\":\"vad_score\"}", score);
}

static void caller_said(struct aic_buffer *text, int64_t turn, const char *words, bool is_final)
{
	const char *type = is_final ? "user_transcript" : "tentative_user_transcript";

	put(text, "{\"%s\":{\"user_transcript\":\"%s\",\"event_id\":%" PRId64 "},\"type\":\"%s\"}",
		is_final ? "user_transcription_event" : "tentative_user_transcription_event", words, turn, type);
}

static void agent_says(struct aic_buffer *text, int64_t turn, const char *words)
{
	put(text, "{\"agent_response_event\":{\"agent_response\":\"%s\",\"event_id\":%" PRId64 "},\"type\":\"agent_response\"}", words, turn);
}

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	put(text, "{\"audio_event\":{\"audio_base_64\":\"");
	put_base64(text, bytes, length);
	put(text, "\",\"event_id\":%" PRId64 "},\"type\":\"audio\"}", turn);
}

static void interruption(struct aic_buffer *text, int64_t turn)
{
	put(text, "{\"interruption_event\":{\"event_id\":%" PRId64 "},\"type\":\"interruption\"}", turn);
}

static void agent_said(struct aic_buffer *text, int64_t turn, const char *words, const char *heard)
{
	put(text, "{\"agent_response_correction_event\":{\"original_agent_response\":\"%s\",\"corrected_agent_response\":\"%s\",", words, heard);
	put(text, "\"event_id\":%" PRId64 "},\"type\":\"agent_response_correction\"}", turn);
}

extern const struct service service_elevenlabs;
const struct service service_elevenlabs = {
	.name = "elevenlabs",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.ready = ready,
	.ping = ping,
	.voice_activity = voice_activity,
	.caller_said = caller_said,
	.agent_says = agent_says,
	.audio = audio,
	.interruption = interruption,
	.agent_said = agent_said,
};
