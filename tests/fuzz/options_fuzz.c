/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Sections of aiconvai.conf with anything in them, and secrets that are not shown.
 *
 *     2 bytes: from which allocation on memory is short; then text: [SECTION], NAME = VALUE, ..., line by line
 */
#include "engine_memory.h"
#include "fuzz_bytes.h"
#include "require.h"
#include "settings.h"
#include "tools.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64
#define FILE_NAME "fuzz.conf"

struct section {
	const char *name;
	struct aic_option_line lines[LINES_MAX];
	size_t count;
};

/* What has been read of sections before. */
struct configuration {
	struct aic_settings general, agent;
	struct aic_prompt_settings prompts;
	struct aic_tool_settings tool;
	struct aic_tools tools;
};

static unsigned int told;

static void problem(void *user, const char *text)
{
	(void) user;
	/* It says where, if there is a line. */
	require(text[0] == '[' || strstr(text, FILE_NAME ":") != NULL);
	told++;
}

static void read_section(struct configuration *conf, const struct section *section)
{
	const char *name = "";
	struct aic_tool_declaration declared = {.name = "book", .settings = &conf->tool};
	int problems = 0;

	told = 0;
	switch (aic_section_scope(section->name, &name)) {
	case AIC_SCOPE_GENERAL:
		aic_settings_free(&conf->general);
		if (!aic_settings_init(&conf->general)) {
			problems = aic_settings_read_general(&conf->general, section->lines, section->count, problem, NULL);
		}
		break;
	case AIC_SCOPE_TOOL:
		aic_tool_settings_free(&conf->tool);
		if (!aic_tool_settings_init(&conf->tool)) {
			problems = aic_tool_settings_read(&conf->tool, section->name, section->lines, section->count, problem,
				NULL);
		}
		break;
	case AIC_SCOPE_PROMPT:
		aic_prompt_settings_free(&conf->prompts);
		if (!aic_prompt_settings_init(&conf->prompts)) {
			problems = aic_prompt_settings_read(&conf->prompts, section->name, section->lines, section->count, problem,
				NULL);
		}
		break;
	default:
		aic_settings_free(&conf->agent);
		if (aic_settings_init(&conf->agent)) {
			break;
		}
		problems = aic_settings_read_agent(&conf->agent, &conf->general, section->name, section->lines, section->count,
			problem, NULL);
		require(engine_memory_refused() || problems == (int) told);
		aic_tools_clear(&conf->tools);
		problems = aic_tools_read(&conf->tools, section->name, &conf->agent, &conf->prompts, &declared, 1, problem,
			NULL);
		require(problems >= 0 || engine_memory_refused());
		return;
	}
	require(engine_memory_refused() || problems == (int) told);
}

static char *trimmed(char *text)
{
	text += strspn(text, " \t");
	for (size_t length = strlen(text); length && strchr(" \t\r", text[length - 1]); length--) {
		text[length - 1] = '\0';
	}
	return text;
}

static void read_text(struct configuration *conf, char *text)
{
	struct section section = {.name = "general"};
	char *rest = text, *line;
	int number = 0;

	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, '=');

		number++;
		if (line[0] == '[') {
			read_section(conf, &section);
			section.count = 0;
			section.name = line + 1;
			line[strcspn(line, "]")] = '\0';
		} else if (value && section.count < LINES_MAX) {
			*value++ = '\0';
			section.lines[section.count++] = (struct aic_option_line) {
				.file = FILE_NAME,
				.line = number,
				.name = trimmed(line),
				.value = trimmed(value),
			};
		}
	}
	if (section.count) {
		read_section(conf, &section);
	}
}

static void mask(const char *text)
{
	char shown[32];
	size_t length = strlen(text);

	require(aic_mask_secret(text, shown, sizeof(shown)) == shown && strlen(shown) < sizeof(shown));
	require(length < 8 || !strstr(shown, text));
	aic_option_nearest_name(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};
	struct configuration conf;
	size_t before = engine_memory_now();
	char *text;

	memset(&conf, 0, sizeof(conf));
	engine_memory_begin(fuzz_u16(&bytes), UINT32_MAX);
	text = own_text(bytes.at, bytes.left);
	mask(text);
	if (!aic_settings_init(&conf.general) && !aic_tool_settings_init(&conf.tool)) {
		read_text(&conf, text);
	}
	aic_tools_clear(&conf.tools);
	aic_prompt_settings_free(&conf.prompts);
	aic_tool_settings_free(&conf.tool);
	aic_settings_free(&conf.agent);
	aic_settings_free(&conf.general);
	own_free(text);
	require(engine_memory_now() == before);
	engine_memory_begin(0, 0);
	return 0;
}
