/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "openai_session.h"

#include "provider_port.h"

#include <string.h>

/* The only rate of linear audio the service takes and gives. */
#define LINEAR_RATE 24000

struct aic_audio_format aic_openai_session_format(struct aic_audio_format line)
{
	if (line.rate == 8000) {
		return (struct aic_audio_format) {line.encoding == AIC_ENCODING_ALAW ? AIC_ENCODING_ALAW : AIC_ENCODING_ULAW,
			8000};
	}
	return (struct aic_audio_format) {AIC_ENCODING_PCM16, LINEAR_RATE};
}

static void put_format(struct aic_json_writer *writer, struct aic_audio_format format)
{
	aic_json_open_object(writer, "format");
	switch (format.encoding) {
	case AIC_ENCODING_ULAW:
		aic_json_put_text(writer, "type", "audio/pcmu");
		break;
	case AIC_ENCODING_ALAW:
		aic_json_put_text(writer, "type", "audio/pcma");
		break;
	case AIC_ENCODING_PCM16:
		aic_json_put_text(writer, "type", "audio/pcm");
		aic_json_put_integer(writer, "rate", format.rate);
		break;
	}
	aic_json_close_object(writer);
}

bool aic_openai_interrupts_itself(const struct aic_settings *settings)
{
	return settings->interrupt_response && settings->turns != AIC_TURNS_LOCAL && (settings->dialect == AIC_DIALECT_XAI
		|| settings->interruption == AIC_INTERRUPTION_SERVICE);
}

bool aic_openai_answers_by_itself(const struct aic_settings *settings)
{
	return settings->turns != AIC_TURNS_LOCAL && (settings->dialect == AIC_DIALECT_XAI
		|| settings->interruption != AIC_INTERRUPTION_CONFIRMED);
}

static void put_turn_detection(struct aic_json_writer *writer, const struct aic_settings *settings)
{
	static const char *const eagerness[] = {
		[AIC_VAD_EAGERNESS_AUTO] = "auto",
		[AIC_VAD_EAGERNESS_LOW] = "low",
		[AIC_VAD_EAGERNESS_MEDIUM] = "medium",
		[AIC_VAD_EAGERNESS_HIGH] = "high",
	};

	if (settings->turns == AIC_TURNS_LOCAL) {
		aic_json_put_null(writer, "turn_detection");
		return;
	}
	aic_json_open_object(writer, "turn_detection");
	if (settings->turn_detection == AIC_TURN_DETECTION_SEMANTIC_VAD) {
		aic_json_put_text(writer, "type", "semantic_vad");
		aic_json_put_text(writer, "eagerness", eagerness[settings->vad_eagerness]);
	} else {
		aic_json_put_text(writer, "type", "server_vad");
		aic_json_put_number(writer, "threshold", settings->vad_threshold);
		aic_json_put_integer(writer, "prefix_padding_ms", settings->vad_prefix_padding_ms);
		aic_json_put_integer(writer, "silence_duration_ms", settings->vad_silence_duration_ms);
		if (settings->vad_idle_timeout_ms) {
			aic_json_put_integer(writer, "idle_timeout_ms", settings->vad_idle_timeout_ms);
		}
	}
	aic_json_put_boolean(writer, "create_response", aic_openai_answers_by_itself(settings));
	aic_json_put_boolean(writer, "interrupt_response", aic_openai_interrupts_itself(settings));
	aic_json_close_object(writer);
}

static void put_input(struct aic_json_writer *writer, const struct aic_settings *settings,
	struct aic_audio_format format)
{
	aic_json_open_object(writer, "input");
	put_format(writer, format);
	if (settings->noise_reduction != AIC_NOISE_REDUCTION_NONE) {
		aic_json_open_object(writer, "noise_reduction");
		aic_json_put_text(writer, "type", settings->noise_reduction == AIC_NOISE_REDUCTION_NEAR_FIELD ? "near_field"
			: "far_field");
		aic_json_close_object(writer);
	}
	if (strcmp(settings->transcription_model, "none")) {
		aic_json_open_object(writer, "transcription");
		aic_json_put_text(writer, "model", settings->transcription_model);
		if (settings->language) {
			aic_json_put_text(writer, "language", settings->language);
		}
		aic_json_close_object(writer);
	}
	put_turn_detection(writer, settings);
	aic_json_close_object(writer);
}

static void put_openai(struct aic_json_writer *writer, const struct aic_settings *settings,
	struct aic_audio_format format)
{
	aic_json_put_text(writer, "type", "realtime");
	aic_json_open_array(writer, "output_modalities");
	aic_json_put_text(writer, NULL, "audio");
	aic_json_close_array(writer);
	aic_json_open_object(writer, "audio");
	put_input(writer, settings, format);
	aic_json_open_object(writer, "output");
	put_format(writer, format);
	aic_json_put_text(writer, "voice", settings->voice_id);
	aic_json_close_object(writer);
	aic_json_close_object(writer);
	if (settings->max_output_tokens) {
		aic_json_put_integer(writer, "max_output_tokens", settings->max_output_tokens);
	}
}

/* Voice and turn detection, which knows no more than to be there, stand beside audio. */
static void put_xai(struct aic_json_writer *writer, const struct aic_settings *settings,
	struct aic_audio_format format)
{
	static const char *const ways[] = {"input", "output"};

	aic_json_put_text(writer, "voice", settings->voice_id);
	if (settings->turns == AIC_TURNS_LOCAL) {
		aic_json_put_null(writer, "turn_detection");
	} else {
		aic_json_open_object(writer, "turn_detection");
		aic_json_put_text(writer, "type", "server_vad");
		aic_json_close_object(writer);
	}
	aic_json_open_object(writer, "audio");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		aic_json_open_object(writer, ways[i]);
		put_format(writer, format);
		aic_json_close_object(writer);
	}
	aic_json_close_object(writer);
}

void aic_openai_session_put(struct aic_conversation *conversation, struct aic_json_writer *writer,
	struct aic_audio_format format)
{
	const struct aic_settings *settings = aic_port_settings(conversation);

	aic_json_open_object(writer, "session");
	if (aic_port_prompt(conversation)) {
		aic_json_put_text(writer, "instructions", aic_port_prompt(conversation));
	}
	(settings->dialect == AIC_DIALECT_XAI ? put_xai : put_openai)(writer, settings, format);
	if (aic_port_tools(conversation)->count) {
		aic_port_put_tools(conversation, writer, "tools", "function", "parameters");
	}
	aic_json_close_object(writer);
}
