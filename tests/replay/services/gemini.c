/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/ws/BidiGenerateContent"},
};

static const char *const formats[] = {"pcm_24000", NULL};

static void ready(struct aic_buffer *text, const char *format)
{
	(void) format;
	put(text, "{\"setupComplete\":{\"sessionId\":\"replay\"}}");
}

/* The first word of a turn's transcript is also what ends the turn before it. */
static void caller_said(struct aic_buffer *text, int64_t turn, const char *words, bool is_final)
{
	(void) turn;
	put(text, "{\"serverContent\":{%s\"inputTranscription\":{\"text\":\"%s\"}}}", is_final ? "\"turnComplete\":true,"
		: "", words);
}

static void agent_says(struct aic_buffer *text, int64_t turn, const char *words)
{
	(void) turn;
	put(text, "{\"serverContent\":{\"outputTranscription\":{\"text\":\"%s\"}}}", words);
}

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	(void) turn;
	put(text, "{\"serverContent\":{\"modelTurn\":{\"role\":\"model\",\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=24000\",\"data\":\"");
	put_base64(text, bytes, length);
	put(text, "\"}}]}}}");
}

static void interruption(struct aic_buffer *text, int64_t turn)
{
	(void) turn;
	put(text, "{\"serverContent\":{\"interrupted\":true}}");
}

static void agent_said(struct aic_buffer *text, int64_t turn, const char *words, const char *heard)
{
	(void) turn;
	(void) words;
	(void) heard;
	put(text, "{\"usageMetadata\":{\"promptTokenCount\":5,\"responseTokenCount\":7,\"totalTokenCount\":12}}");
}

extern const struct service service_gemini;
const struct service service_gemini = {
	.name = "gemini",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.ready = ready,
	.caller_said = caller_said,
	.agent_says = agent_says,
	.audio = audio,
	.interruption = interruption,
	.agent_said = agent_said,
};
