/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

#include <inttypes.h>

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/agent"},
};

static const char *const formats[] = {"ulaw_8000", "pcm_16000", NULL};

static void ready(struct aic_buffer *text, const char *format)
{
	(void) format;
	put(text, "{\"type\":\"session_started\",\"session_id\":\"replay\"}");
}

static void caller_said(struct aic_buffer *text, int64_t turn, const char *words, bool is_final)
{
	(void) turn;
	if (is_final) {
		put(text, "{\"type\":\"transcript\",\"role\":\"user\",\"text\":\"%s\"}", words);
	}
}

static void agent_says(struct aic_buffer *text, int64_t turn, const char *words)
{
	(void) turn;
	put(text, "{\"type\":\"transcript\",\"role\":\"assistant\",\"text\":\"%s\"}", words);
}

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	put(text, "{\"type\":\"audio_delta\",\"event_id\":%" PRId64 ",\"audio\":\"", turn);
	put_base64(text, bytes, length);
	put(text, "\"}");
}

static void interruption(struct aic_buffer *text, int64_t turn)
{
	put(text, "{\"type\":\"interruption\",\"event_id\":%" PRId64 "}", turn);
}

static void agent_said(struct aic_buffer *text, int64_t turn, const char *words, const char *heard)
{
	(void) turn;
	(void) words;
	(void) heard;
	put(text, "{\"type\":\"response_complete\"}");
}

extern const struct service service_websocket;
const struct service service_websocket = {
	.name = "websocket",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.format_option = "audio_format",
	.ready = ready,
	.caller_said = caller_said,
	.agent_says = agent_says,
	.audio = audio,
	.interruption = interruption,
	.agent_said = agent_said,
};
