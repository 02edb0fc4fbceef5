/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/v1/live/sessions"},
};

static const char *const formats[] = {"ulaw_8000", NULL};

static void ready(struct aic_buffer *text, const char *format)
{
	(void) format;
	put(text, "{\"type\":\"session.started\",\"event_id\":\"event_1\",");
	put(text, "\"session\":{\"id\":\"live_replay\",\"model\":\"replay\",\"status\":\"active\",\"expires_at\":1800000000}}");
}

static void transcript(struct aic_buffer *text, const char *direction, const char *words)
{
	put(text, "{\"type\":\"session.%s_transcript.delta\",\"event_id\":\"event_2\",\"delta\":\"%s\",\"start_ms\":0,\"end_ms\":300}", direction, words);
}

static void caller_said(struct aic_buffer *text, int64_t turn, const char *words, bool is_final)
{
	(void) turn;
	if (is_final) {
		transcript(text, "input", words);
	}
}

static void agent_says(struct aic_buffer *text, int64_t turn, const char *words)
{
	(void) turn;
	transcript(text, "output", words);
}

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	(void) turn;
	put(text, "{\"type\":\"session.output_audio.delta\",\"delta\":\"");
	put_base64(text, bytes, length);
	put(text, "\"}");
}

extern const struct service service_openai_live;
const struct service service_openai_live = {
	.name = "openai_live",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.goes_on = true,
	.ready = ready,
	.caller_said = caller_said,
	.agent_says = agent_says,
	.audio = audio,
};
