/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

#include <inttypes.h>

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/v1/realtime?model=replay"},
};

static const char *const formats[] = {"ulaw_8000", NULL};

static void greet(struct aic_buffer *text)
{
	put(text, "{\"type\":\"session.created\",\"event_id\":\"event_1\",\"session\":{\"type\":\"realtime\",\"id\":\"sess_replay\"}}");
}

static void ready(struct aic_buffer *text, const char *format)
{
	(void) format;
	put(text, "{\"type\":\"session.updated\",\"event_id\":\"event_2\",\"session\":{\"type\":\"realtime\",\"id\":\"sess_replay\",");
	put(text, "\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"}},\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
}

static void caller_said(struct aic_buffer *text, int64_t turn, const char *words, bool is_final)
{
	put(text, "{\"type\":\"conversation.item.input_audio_transcription.%s\",\"event_id\":\"event_3\",", is_final
		? "completed" : "delta");
	put(text, "\"item_id\":\"item_caller_%" PRId64 "\",\"content_index\":0,\"%s\":\"%s\"}", turn, is_final
		? "transcript" : "delta", words);
}

/* The answer begins; its words come with it. */
static void agent_says(struct aic_buffer *text, int64_t turn, const char *words)
{
	(void) words;
	put(text, "{\"type\":\"response.created\",\"event_id\":\"event_4\",\"response\":{\"id\":\"resp_%" PRId64 "\",\"status\":\"in_progress\"}}", turn);
}

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	put(text, "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_5\",\"response_id\":\"resp_%" PRId64 "\",", turn);
	put(text, "\"item_id\":\"item_%" PRId64 "\",\"output_index\":0,\"content_index\":0,\"delta\":\"", turn);
	put_base64(text, bytes, length);
	put(text, "\"}");
}

static void interruption(struct aic_buffer *text, int64_t turn)
{
	put(text, "{\"type\":\"input_audio_buffer.speech_started\",\"event_id\":\"event_6\",\"audio_start_ms\":1200,\"item_id\":\"item_caller_%" PRId64 "\"}", turn);
}

static void agent_said(struct aic_buffer *text, int64_t turn, const char *words, const char *heard)
{
	(void) words;
	(void) heard;
	put(text, "{\"type\":\"response.done\",\"event_id\":\"event_7\",\"response\":{\"id\":\"resp_%" PRId64 "\",\"status\":\"cancelled\",", turn);
	put(text, "\"status_details\":{\"type\":\"cancelled\",\"reason\":\"turn_detected\"},\"output\":[]}}");
}

extern const struct service service_openai;
const struct service service_openai = {
	.name = "openai",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.greet = greet,
	.ready = ready,
	.caller_said = caller_said,
	.agent_says = agent_says,
	.audio = audio,
	.interruption = interruption,
	.agent_said = agent_said,
};
