/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "fuzzed_agent.h"

#include "providers.h"
#include "settings.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define LINE(name, value) {"fuzz", 1, name, value}

/* Most lines of one agent: those of its service, and as many as there are bits. */
#define LINES_MAX 80

static const struct aic_option_line fixed[] = {LINE("conversation_url", "wss://fuzz.invalid/agent?key=secret")};
static const struct aic_option_line public[] = {LINE("agent_id", "agent_1")};
static const struct aic_option_line private[] = {
	LINE("agent_id", "agent_1"),
	LINE("api_key", "sk-0123456789"),
	LINE("signed_url_endpoint", "https://fuzz.invalid/signed"),
};
static const struct aic_option_line with_key[] = {LINE("api_key", "sk-0123456789")};

/* Services, in the ways in which they are reached. Seeds know them by their place here. */
static const struct {
	const char *provider;
	const struct aic_option_line *lines;
	size_t count;
} services[] = {
	{"elevenlabs", fixed, LENGTH(fixed)},
	{"openai", fixed, LENGTH(fixed)},
	{"openai_live", fixed, LENGTH(fixed)},
	{"gemini", fixed, LENGTH(fixed)},
	{"deepgram", fixed, LENGTH(fixed)},
	{"websocket", fixed, LENGTH(fixed)},
	{"local", fixed, LENGTH(fixed)},
	{"twilio", fixed, LENGTH(fixed)},
	{"elevenlabs", public, LENGTH(public)},
	{"elevenlabs", private, LENGTH(private)},
	{"openai", with_key, LENGTH(with_key)},
	{"gemini", with_key, LENGTH(with_key)},
	{"deepgram", with_key, LENGTH(with_key)},
};

/* One bit each. Where a service does not have an option, its bit says nothing. */
static const struct aic_option_line choices[64] = {
	LINE("audio_frames_buffer_ms", "20"),
	LINE("turns", "local"),
	LINE("interruption", "service"),
	LINE("interruption_min_ms", "100"),
	LINE("interruption_decision_ms", "200"),
	LINE("interruption_after_ms", "500"),
	LINE("first_message_interruptible", "no"),
	LINE("uninterruptible_states", PROMPT_STATE),
	LINE("dtmf", "context"),
	LINE("dtmf_interdigit_ms", "100"),
	LINE("dtmf_max_digits", "3"),
	LINE("collect_digits_secret", "yes"),
	LINE("collect_digits_seconds", "1"),
	LINE("tool_timeout_ms", "100"),
	LINE("audio_during_tools", "silence"),
	LINE("resume", "history"),
	LINE("reconnect_attempts", "0"),
	LINE("reconnect_message", "We were cut off, {name}."),
	LINE("resume_message", "Here I am, {name} {{no}} {unknown}."),
	LINE("first_message", "Good day, {name}."),
	LINE("prompt", "You are a receptionist. The caller is {name}."),
	LINE("service_silence_seconds", "2"),
	LINE("session_max_seconds", "3"),
	LINE("no_input_seconds", "1"),
	LINE("no_input_hard_seconds", "5"),
	LINE("activation", "voice"),
	LINE("activation_wait_seconds", "2"),
	LINE("echo_guard", "off"),
	LINE("echo_sensitivity", "eager"),
	LINE("thinking_ms", "100"),
	LINE("answer_timeout_ms", "300"),
	LINE("lookup", "ami"),
	LINE("lookup_ms", "100"),
	LINE("hold_message", "(The caller is on hold.)"),
	LINE("hold_end_message", "(The caller is back.)"),
	LINE("agent_level_dbfs", "-20"),
	LINE("silence_padding_ms", "100"),
	LINE("playout_limit_seconds", "10"),
	LINE("max_message_kb", "64"),
	LINE("connect_audio_limit_ms", "100"),
	LINE("max_connection_attempts", "1"),
	LINE("retry_backoff_ms", "0"),
	LINE("vad_enabled", "no"),
	LINE("audio_format", "pcm_24000"),
	LINE("dialect", "xai"),
	LINE("turn_detection", "semantic_vad"),
	LINE("interrupt_response", "no"),
	LINE("tool_book", "gosub:tools,s,1"),
	LINE("tool_look", "ami"),
	LINE("tool_say", "python:m.f"),
	LINE("tool_end_call", "builtin"),
	LINE("tool_send_dtmf", "builtin"),
	LINE("tool_collect_digits", "builtin"),
	LINE("tool_enter_state", "builtin"),
	LINE("tool_pause_recording", "builtin"),
	LINE("transfer_to_desk", "internal,100,1"),
	LINE("transfer_to_boss", "attended:PJSIP/boss,20"),
	LINE("hand_over_to", OTHER_AGENT),
	LINE("prompts", "usual"),
	LINE("dynamic_variable", "name=Ada"),
	LINE("send_caller_number", "yes"),
	LINE("model", "other-model"),
	LINE("voice_id", "voice \"quoted\" \\"),
	LINE("vad_idle_timeout_ms", "5000"),
};

static const struct aic_option_line prompt_lines[] = {
	LINE("system_instruction", "You help {name}."),
	LINE("state_greeting", "Greet."),
	LINE("state_" PROMPT_STATE, "Confirm {what}."),
};

static const struct aic_option_line tool_lines[] = {
	LINE("description", "Books a place."),
	LINE("answer", "no"),
	LINE("interruptible", "no"),
	LINE("parameters", "{\"type\":\"object\",\"properties\":{\"day\":{\"type\":\"string\"}}}"),
};

static void ignore_problem(void *user, const char *problem)
{
	(void) user;
	(void) problem;
}

static bool has_option(enum aic_option_provider provider, const char *name)
{
	const struct aic_option *option = aic_option_find(name);

	return option && (!option->providers || option->providers & 1u << provider);
}

static enum aic_option_provider provider_of(const char *name)
{
	const struct aic_option *option = aic_option_find("provider");

	for (int i = 0; option->words[i]; i++) {
		if (!strcmp(option->words[i], name)) {
			return (enum aic_option_provider) i;
		}
	}
	__builtin_trap();
}

/* Returns whether all of it is as it should be. What `agent` has got is to be freed, in any case. */
static bool make(struct fuzzed_agent *agent, const char *name, const struct aic_option_line *lines, size_t count)
{
	struct aic_settings general;
	struct aic_tool_settings book;
	struct aic_tool_declaration declared = {.name = "book", .settings = &book};
	bool is_good;

	if (aic_settings_init(&general)) {
		return false;
	}
	is_good = !aic_settings_init(&agent->settings)
		&& !aic_settings_read_agent(&agent->settings, &general, name, lines, count, ignore_problem, NULL);
	aic_settings_free(&general);
	if (!is_good || aic_prompt_settings_init(&agent->prompts)
		|| aic_prompt_settings_read(&agent->prompts, "prompt-usual", prompt_lines, LENGTH(prompt_lines), ignore_problem,
			NULL)
		|| aic_tool_settings_init(&book)) {
		return false;
	}
	is_good = !aic_tool_settings_read(&book, "tool-book", tool_lines, LENGTH(tool_lines), ignore_problem, NULL)
		&& !aic_tools_read(&agent->tools, name, &agent->settings, agent->settings.prompts ? &agent->prompts : NULL,
			&declared, 1, ignore_problem, NULL);
	aic_tool_settings_free(&book);
	return is_good;
}

bool fuzzed_agent_make(struct fuzzed_agent *agent, const char *name, struct fuzz_bytes *bytes)
{
	size_t service = fuzz_byte(bytes) % LENGTH(services), count = 0;
	enum aic_option_provider provider = provider_of(services[service].provider);
	struct aic_option_line lines[LINES_MAX];

	memset(agent, 0, sizeof(*agent));
	lines[count++] = (struct aic_option_line) LINE("provider", services[service].provider);
	memcpy(lines + count, services[service].lines, services[service].count * sizeof(lines[0]));
	count += services[service].count;
	for (size_t i = 0; i < LENGTH(choices); i += 8) {
		uint8_t bits = fuzz_byte(bytes);

		for (size_t bit = 0; bit < 8; bit++) {
			if (bits & 1u << bit && has_option(provider, choices[i + bit].name)) {
				lines[count++] = choices[i + bit];
			}
		}
	}
	if (make(agent, name, lines, count)) {
		return true;
	}
	fuzzed_agent_free(agent);
	return false;
}

void fuzzed_agent_free(struct fuzzed_agent *agent)
{
	aic_tools_clear(&agent->tools);
	aic_prompt_settings_free(&agent->prompts);
	aic_settings_free(&agent->settings);
}

struct aic_agent_choice fuzzed_agent_choice(const struct fuzzed_agent *agent)
{
	return (struct aic_agent_choice) {
		.provider = aic_provider_of(agent->settings.provider),
		.settings = &agent->settings,
		.tools = &agent->tools,
		.prompts = agent->settings.prompts ? &agent->prompts : NULL,
	};
}
