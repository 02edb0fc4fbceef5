/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/v1/agent/converse"},
};

static const char *const formats[] = {"ulaw_8000", NULL};

static void greet(struct aic_buffer *text)
{
	put(text, "{\"type\":\"Welcome\",\"request_id\":\"replay\"}");
}

static void ready(struct aic_buffer *text, const char *format)
{
	(void) format;
	put(text, "{\"type\":\"SettingsApplied\"}");
}

static void conversation_text(struct aic_buffer *text, const char *role, const char *words)
{
	put(text, "{\"type\":\"ConversationText\",\"role\":\"%s\",\"content\":\"%s\"}", role, words);
}

static void caller_said(struct aic_buffer *text, int64_t turn, const char *words, bool is_final)
{
	(void) turn;
	if (is_final) {
		conversation_text(text, "user", words);
	}
}

static void agent_says(struct aic_buffer *text, int64_t turn, const char *words)
{
	(void) turn;
	conversation_text(text, "assistant", words);
}

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	(void) turn;
	if (aic_buffer_append(text, bytes, length)) {
		put(text, "out of memory");
	}
}

static void interruption(struct aic_buffer *text, int64_t turn)
{
	(void) turn;
	put(text, "{\"type\":\"UserStartedSpeaking\"}");
}

extern const struct service service_deepgram;
const struct service service_deepgram = {
	.name = "deepgram",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.binary_audio = true,
	.greet = greet,
	.ready = ready,
	.caller_said = caller_said,
	.agent_says = agent_says,
	.audio = audio,
	.interruption = interruption,
};
