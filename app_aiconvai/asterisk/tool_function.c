/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/channel.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "output.h"
#include "tool_function.h"
#include "tool_runs.h"
#include "utf8.h"

/* The arguments of the tool that runs on the channel. NULL: none does, or memory is short. */
static struct ast_json *arguments_of(struct ast_channel *channel)
{
	struct ast_json *arguments;
	const char *text;

	ast_channel_lock(channel);
	text = pbx_builtin_getvar_helper(channel, TOOL_VARIABLE_PARAMETERS);
	arguments = ast_strlen_zero(text) ? NULL : ast_json_load_string(text, NULL);
	ast_channel_unlock(channel);
	return arguments;
}

/* The member, or the element, of that name. NULL: there is none. */
static struct ast_json *step(struct ast_json *from, const char *name)
{
	if (ast_json_typeof(from) == AST_JSON_ARRAY) {
		bool is_number = *name && !name[strspn(name, "0123456789")];

		return is_number ? ast_json_array_get(from, strtoul(name, NULL, 10)) : NULL;
	}
	return ast_json_typeof(from) == AST_JSON_OBJECT ? ast_json_object_get(from, name) : NULL;
}

/* A text as it is, on one line, and of anything else its JSON. To be freed; NULL: memory is short, or it is null. */
static char *text_of(struct ast_json *value)
{
	char *text = NULL, *json;

	switch (ast_json_typeof(value)) {
	case AST_JSON_STRING:
		if ((text = ast_strdup(ast_json_string_get(value)))) {
			aic_utf8_line(text, strlen(text) + 1, text);
		}
		break;
	case AST_JSON_OBJECT:
	case AST_JSON_ARRAY:
		if ((json = ast_json_dump_string(value))) {
			text = ast_strdup(json);
			ast_json_free(json);
		}
		break;
	case AST_JSON_INTEGER:
		ast_asprintf(&text, "%jd", ast_json_integer_get(value));
		break;
	case AST_JSON_REAL:
		ast_asprintf(&text, "%.15g", ast_json_real_get(value));
		break;
	case AST_JSON_TRUE:
		text = ast_strdup("true");
		break;
	case AST_JSON_FALSE:
		text = ast_strdup("false");
		break;
	case AST_JSON_NULL:
		break;
	}
	return text;
}

/* ${AICONVAI_TOOL(path[,offset])} */
static int read_argument(struct ast_channel *channel, const char *function, char *data, struct ast_str **buffer,
	ssize_t max)
{
	struct ast_json *arguments = channel ? arguments_of(channel) : NULL, *value = arguments;
	char *name, *text;
	size_t offset;
	AST_DECLARE_APP_ARGS(args,
		AST_APP_ARG(path);
		AST_APP_ARG(offset);
	);

	ast_str_reset(*buffer);
	if (!arguments) {
		log_line(LOG_WARNING, "%s(%s): expected to be read in a subroutine that runs for a tool of the "
			"agent's", function, S_OR(data, ""));
		return -1;
	}
	AST_STANDARD_APP_ARGS(args, data);
	while (value && (name = strsep(&args.path, "."))) {
		value = *name ? step(value, name) : value;
	}
	if (value && (text = text_of(value))) {
		offset = strtoul(S_OR(args.offset, "0"), NULL, 10);
		ast_str_set(buffer, max, "%s", text + MIN(offset, strlen(text)));
		ast_free(text);
	}
	ast_json_unref(arguments);
	return 0;
}

static struct ast_custom_function tool_function = {
	.name = "AICONVAI_TOOL",
	.read2 = read_argument,
};

int tool_function_register(void)
{
	return ast_custom_function_register(&tool_function);
}

void tool_function_unregister(void)
{
	ast_custom_function_unregister(&tool_function);
}
