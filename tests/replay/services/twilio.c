/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

static const struct aic_option_line lines[] = {
	{"replay", 1, "conversation_url", "wss://replay.invalid/media"},
};

static const char *const formats[] = {"ulaw_8000", NULL};

static void audio(struct aic_buffer *text, int64_t turn, const uint8_t *bytes, size_t length)
{
	(void) turn;
	put(text, "{\"event\":\"media\",\"streamSid\":\"replay\",\"media\":{\"payload\":\"");
	put_base64(text, bytes, length);
	put(text, "\"}}");
}

static void interruption(struct aic_buffer *text, int64_t turn)
{
	(void) turn;
	put(text, "{\"event\":\"clear\",\"streamSid\":\"replay\"}");
}

extern const struct service service_twilio;
const struct service service_twilio = {
	.name = "twilio",
	.formats = formats,
	.lines = lines,
	.line_count = sizeof(lines) / sizeof(lines[0]),
	.audio = audio,
	.interruption = interruption,
};
