/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/json.h"
#include "asterisk/paths.h"
#include "asterisk/utils.h"
#include "asterisk/vector.h"

#include "prompt_file.h"

#define INSTRUCTION "system_instruction"
#define STATES "states"
#define STATE_PREFIX "state_"

/* The file as lines of a section. Names are owned. */
struct file_lines {
	const char *path;
	const char *section;
	aic_problem_fn problem;
	void *user;
	bool has_instruction; /* the section itself */
	AST_VECTOR(, struct aic_option_line) lines;
};

static void report(const struct file_lines *file, const char *key, const char *problem)
{
	char text[640];

	snprintf(text, sizeof(text), "%.200s: [%.80s] %.80s%s%.160s", file->path, file->section, key, *key ? ": " : "",
		problem);
	file->problem(file->user, text);
}

/* Returns -1 when memory is short. */
static int add_line(struct file_lines *file, const char *prefix, const char *key, struct ast_json *value)
{
	struct aic_option_line line = {.file = file->path, .value = ast_json_string_get(value)};
	char *name;

	if (!line.value) {
		report(file, key, "expected a text; put it in quotation marks");
		return 0;
	}
	if (ast_asprintf(&name, "%s%s", prefix, key) < 0) {
		return -1;
	}
	line.name = name;
	if (AST_VECTOR_APPEND(&file->lines, line)) {
		ast_free(name);
		return -1;
	}
	return 0;
}

static int add_states(struct file_lines *file, struct ast_json *states)
{
	struct ast_json_iter *at;

	if (ast_json_typeof(states) != AST_JSON_OBJECT) {
		report(file, STATES, "expected an object with a text for each state");
		return 0;
	}
	for (at = ast_json_object_iter(states); at; at = ast_json_object_iter_next(states, at)) {
		if (add_line(file, STATE_PREFIX, ast_json_object_iter_key(at), ast_json_object_iter_value(at))) {
			return -1;
		}
	}
	return 0;
}

static int add_all(struct file_lines *file, struct ast_json *whole)
{
	struct ast_json_iter *at;
	int result = 0;

	for (at = ast_json_object_iter(whole); at && !result; at = ast_json_object_iter_next(whole, at)) {
		const char *key = ast_json_object_iter_key(at);
		struct ast_json *value = ast_json_object_iter_value(at);

		if (!strcmp(key, STATES)) {
			result = add_states(file, value);
		} else if (strcmp(key, INSTRUCTION)) {
			report(file, key, "expected " INSTRUCTION " or " STATES "; remove it");
		} else if (file->has_instruction) {
			report(file, key, "expected once, the section has it already; remove one");
		} else {
			result = add_line(file, "", key, value);
		}
	}
	return result;
}

int prompt_file_read(const char *path, const char *section, struct aic_prompt_settings *settings,
	aic_problem_fn problem, void *user)
{
	struct ast_json_error error = {.text = ""};
	char absolute[1200], text[400];
	struct file_lines file = {.path = absolute, .section = section, .problem = problem, .user = user,
		.has_instruction = settings->system_instruction != NULL};
	struct ast_json *whole;
	int result = 0;

	snprintf(absolute, sizeof(absolute), "%s%s%s", *path == '/' ? "" : ast_config_AST_CONFIG_DIR, *path == '/' ? ""
		: "/", path);
	whole = ast_json_load_new_file(absolute, &error);
	if (!whole || ast_json_typeof(whole) != AST_JSON_OBJECT) {
		snprintf(text, sizeof(text), "expected {\"system_instruction\": TEXT, \"states\": {NAME: TEXT}}%s%.150s", whole
			? "" : "; ", whole ? "" : error.text);
		report(&file, "", text);
	} else if (!(result = add_all(&file, whole))) {
		aic_prompt_settings_read(settings, section, file.lines.elems, AST_VECTOR_SIZE(&file.lines), problem, user);
	}
	for (size_t i = 0; i < AST_VECTOR_SIZE(&file.lines); i++) {
		ast_free((char *) AST_VECTOR_GET(&file.lines, i).name);
	}
	AST_VECTOR_FREE(&file.lines);
	ast_json_unref(whole);
	return result;
}
