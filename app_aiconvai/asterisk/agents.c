/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/cli.h"
#include "asterisk/config.h"
#include "asterisk/logger.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"
#include "asterisk/vector.h"

#include "agents.h"
#include "ambience_sound.h"
#include "output.h"
#include "prompt_file.h"
#include "providers.h"
#include "secret_file.h"
#include "url.h"

/* Own name first; the other is what people who come from elsewhere have. */
static const char *const file_names[] = {"aiconvai.conf", "elevenlabs.conf"};

static AO2_GLOBAL_OBJ_STATIC(in_force);

/* Where problems go. */
struct problem_sink {
	int fd;
	int count;
	const char *file; /* of a section without a line that could name it; NULL: the lines do */
};

static void report(void *user, const char *problem)
{
	struct problem_sink *sink = user;

	log_line(LOG_ERROR, "%s%s%s", S_OR(sink->file, ""), sink->file ? ": " : "", problem);
	if (sink->fd >= 0) {
		cli_line(sink->fd, "%s%s%s", S_OR(sink->file, ""), sink->file ? ": " : "", problem);
	}
	sink->count++;
}

static void agent_destroy(void *object)
{
	struct agent *agent = object;

	aic_settings_free(&agent->settings);
	aic_tools_clear(&agent->tools);
	ao2_cleanup(agent->prompts);
	ast_free(agent->name);
}

static void configuration_destroy(void *object)
{
	struct configuration *configuration = object;

	aic_settings_free(&configuration->general);
	ao2_cleanup(configuration->agents);
	ao2_cleanup(configuration->sounds);
	ast_free(configuration->file);
}

static int compare_names(const void *left, const void *right, int flags)
{
	const struct agent *agent = left;
	const char *name = flags & OBJ_SEARCH_KEY ? right : ((const struct agent *) right)->name;

	return strcasecmp(agent->name, name);
}

static int match_name(void *object, void *arg, int flags)
{
	const struct agent *agent = object;
	const char *name = flags & OBJ_SEARCH_KEY ? arg : ((const struct agent *) arg)->name;

	return strcasecmp(agent->name, name) ? 0 : CMP_MATCH | CMP_STOP;
}

static struct configuration *configuration_new(const char *file)
{
	struct configuration *configuration = ao2_alloc_options(sizeof(*configuration), configuration_destroy,
		AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!configuration) {
		return NULL;
	}
	configuration->agents = ao2_container_alloc_rbtree(AO2_ALLOC_OPT_LOCK_MUTEX, AO2_CONTAINER_ALLOC_OPT_DUPS_REJECT,
		compare_names, match_name);
	configuration->sounds = ambience_sounds_new();
	configuration->file = file ? ast_strdup(file) : NULL;
	if (!configuration->agents || !configuration->sounds || (file && !configuration->file)
		|| aic_settings_init(&configuration->general)) {
		ao2_ref(configuration, -1);
		return NULL;
	}
	return configuration;
}

/* Whether a template's line is overridden by one that stands later: the section's own, or a later template's. */
static int is_overridden(const struct ast_variable *variable)
{
	const struct aic_option *option = variable->inherited ? aic_option_find(variable->name) : NULL;
	const struct ast_variable *later;

	if (!option || option->multiple) {
		return 0;
	}
	/* Inherited lines come first in a section. */
	for (later = variable->next; later; later = later->next) {
		if (aic_option_find(later->name) == option) {
			return 1;
		}
	}
	return 0;
}

/* What a line says: its text, or of a secret in a file of its own what that has. NULL: none, which is reported. */
static char *value_of(const struct ast_variable *variable, const char *section, const char *file,
	struct problem_sink *sink)
{
	const struct aic_option *option = aic_option_find(variable->name);
	char text[700], problem[300], *secret;

	if (!option || !option->secret || strncmp(variable->value, SECRET_FILE_PREFIX, strlen(SECRET_FILE_PREFIX))) {
		return ast_strdup(variable->value);
	}
	secret = secret_file_read(variable->value, problem, sizeof(problem));
	if (!secret) {
		snprintf(text, sizeof(text), "%.100s:%d: [%.80s] %.60s: %s; correct it, or let Asterisk read it",
			S_OR(variable->file, file), variable->lineno, section, variable->name, problem);
		report(sink, text);
	}
	return secret;
}

static void free_lines(struct aic_option_line *lines, int count)
{
	for (int i = 0; i < count; i++) {
		const struct aic_option *option = aic_option_find(lines[i].name);

		if (option && option->secret) {
			explicit_bzero((char *) lines[i].value, strlen(lines[i].value));
		}
		ast_free((char *) lines[i].value);
	}
	ast_free(lines);
}

/*
 * The lines of a section of `file` as the engine takes them. Returns how many; `*lines` is to be freed by free_lines().
 * -1 when memory is short.
 */
static int section_lines(const struct ast_variable *variables, const char *section, const char *file,
	struct aic_option_line **lines, struct problem_sink *sink)
{
	const struct ast_variable *variable;
	int count = 0;

	for (variable = variables; variable; variable = variable->next) {
		count++;
	}
	if (!(*lines = ast_calloc(count + 1, sizeof(**lines)))) {
		return -1;
	}
	count = 0;
	for (variable = variables; variable; variable = variable->next) {
		char *value = is_overridden(variable) ? NULL : value_of(variable, section, file, sink);

		if (value) {
			/* Asterisk names the files that are included, and not the one that includes them. */
			(*lines)[count++] = (struct aic_option_line) {
				.file = S_OR(variable->file, file), .line = variable->lineno, .name = variable->name,
					.value = value};
		}
	}
	return count;
}

/* What the sections that agents refer to say, until the agents have taken theirs. */
struct declarations {
	AST_VECTOR(, struct aic_tool_declaration) tools; /* names and settings are owned */
	AST_VECTOR(, struct prompts *) prompts;          /* owned references */
};

/* Its settings may be missing, or zeros. */
static void free_declaration(const struct aic_tool_declaration *tool)
{
	struct aic_tool_settings *settings = (struct aic_tool_settings *) tool->settings;

	if (settings) {
		aic_tool_settings_free(settings);
	}
	ast_free(settings);
	ast_free((char *) tool->name);
}

static void declarations_free(struct declarations *declarations)
{
	for (size_t i = 0; i < AST_VECTOR_SIZE(&declarations->tools); i++) {
		free_declaration(AST_VECTOR_GET_ADDR(&declarations->tools, i));
	}
	AST_VECTOR_FREE(&declarations->tools);
	AST_VECTOR_CALLBACK_VOID(&declarations->prompts, ao2_cleanup);
	AST_VECTOR_FREE(&declarations->prompts);
}

/* Returns 0, or -1 when memory is short. */
static int read_tool(struct declarations *declarations, const char *section, const char *name,
	const struct aic_option_line *lines, int count, struct problem_sink *sink)
{
	struct aic_tool_settings *settings = ast_calloc(1, sizeof(*settings));
	struct aic_tool_declaration tool = {ast_strdup(name), settings};

	if (!settings || !tool.name || aic_tool_settings_init(settings) || AST_VECTOR_APPEND(&declarations->tools, tool)) {
		free_declaration(&tool);
		return -1;
	}
	aic_tool_settings_read(settings, section, lines, count, report, sink);
	return 0;
}

static void prompts_destroy(void *object)
{
	struct prompts *prompts = object;

	aic_prompt_settings_free(&prompts->settings);
	ast_free(prompts->name);
}

/* Returns 0, or -1 when memory is short. */
static int read_prompts(struct declarations *declarations, const char *section, const char *name,
	const struct aic_option_line *lines, int count, struct problem_sink *sink)
{
	struct prompts *prompts = ao2_alloc_options(sizeof(*prompts), prompts_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!prompts || aic_prompt_settings_init(&prompts->settings) || !(prompts->name = ast_strdup(name))
		|| AST_VECTOR_APPEND(&declarations->prompts, prompts)) {
		ao2_cleanup(prompts);
		return -1;
	}
	aic_prompt_settings_read(&prompts->settings, section, lines, count, report, sink);
	if (prompts->settings.file) {
		return prompt_file_read(prompts->settings.file, section, &prompts->settings, report, sink);
	}
	return 0;
}

/* Gives the agent the prompts it names. Where there are none that is reported. */
static void take_prompts(struct agent *agent, const struct declarations *declarations, struct problem_sink *sink)
{
	const char *name = agent->settings.prompts;
	char text[400];

	for (size_t i = 0; name && i < AST_VECTOR_SIZE(&declarations->prompts); i++) {
		struct prompts *prompts = AST_VECTOR_GET(&declarations->prompts, i);

		if (!strcasecmp(prompts->name, name)) {
			agent->prompts = ao2_bump(prompts);
			return;
		}
	}
	if (name) {
		snprintf(text, sizeof(text), "[%.80s] prompts = %.80s: expected the NAME of a section [prompt-NAME]; correct "
			"it or add the section", agent->name, name);
		report(sink, text);
	}
}

/* States in which the agent cannot be interrupted, and that there are not, would be interrupted. */
static void check_states(const struct agent *agent, struct problem_sink *sink)
{
	const struct aic_string_list *names = &agent->settings.uninterruptible_states;

	for (size_t i = 0; i < names->count; i++) {
		char text[300];

		if (!agent->prompts || !aic_entry_find(&agent->prompts->settings.state, names->items[i])) {
			snprintf(text, sizeof(text), "[%.80s] uninterruptible_states = %.80s: expected the name of a state of its "
				"prompts; correct it", agent->name, names->items[i]);
			report(sink, text);
		}
	}
}

/* Returns 0, or -1 when memory is short. */
static int read_agent(struct configuration *configuration, const char *name, const struct aic_option_line *lines,
	int count, const struct declarations *declarations, struct problem_sink *sink)
{
	struct agent *agent = ao2_alloc_options(sizeof(*agent), agent_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);
	int result;

	if (!agent || !(agent->name = ast_strdup(name)) || aic_settings_init(&agent->settings)) {
		ao2_cleanup(agent);
		return -1;
	}
	sink->file = count ? NULL : configuration->file;
	aic_settings_read_agent(&agent->settings, &configuration->general, name, lines, count, report, sink);
	sink->file = configuration->file;
	take_prompts(agent, declarations, sink);
	check_states(agent, sink);
	result = aic_tools_read(&agent->tools, name, &agent->settings, agent->prompts ? &agent->prompts->settings : NULL,
		declarations->tools.elems, AST_VECTOR_SIZE(&declarations->tools), report, sink);
	sink->file = NULL;
	if (!ao2_link(configuration->agents, agent)) {
		char text[256];

		snprintf(text, sizeof(text), "%s:%d: [%s]: expected once, the section is there twice; give one of them another "
			"name",
			count ? lines[0].file : configuration->file, count ? lines[0].line : 0, name);
		report(sink, text);
	}
	ao2_ref(agent, -1);
	return result < 0 ? -1 : 0;
}

/* Reads one section if it is of the kind that is wanted now. */
static void read_section(struct configuration *configuration, struct ast_config *config, const char *section,
	enum aic_option_scope wanted, struct declarations *declarations, struct problem_sink *sink)
{
	struct aic_option_line *lines;
	const char *name;
	int count, result = 0;

	if (aic_section_scope(section, &name) != wanted) {
		return;
	}
	count = section_lines(ast_variable_browse(config, section), section, configuration->file, &lines, sink);
	if (count < 0) {
		report(sink, "out of memory");
		return;
	}
	switch (wanted) {
	case AIC_SCOPE_GENERAL:
		aic_settings_read_general(&configuration->general, lines, count, report, sink);
		break;
	case AIC_SCOPE_TOOL:
		result = read_tool(declarations, section, name, lines, count, sink);
		break;
	case AIC_SCOPE_PROMPT:
		result = read_prompts(declarations, section, name, lines, count, sink);
		break;
	default:
		result = read_agent(configuration, name, lines, count, declarations, sink);
		break;
	}
	if (result) {
		report(sink, "out of memory");
	}
	free_lines(lines, count);
}

/* Reports where an option of an agent's names none. */
static void check_name(const struct configuration *configuration, const struct agent *agent, const char *option,
	const char *name, struct problem_sink *sink)
{
	struct agent *other = agents_find(configuration, name);
	char text[400];

	if (!other) {
		snprintf(text, sizeof(text), "%.100s: [%.80s] %s = %.80s: expected the name of another agent; correct it",
			configuration->file, agent->name, option, name);
		report(sink, text);
	}
	ao2_cleanup(other);
}

/* Whom agents name is known once all have been read. */
static void check_names(const struct configuration *configuration, struct problem_sink *sink)
{
	struct ao2_iterator iterator = ao2_iterator_init(configuration->agents, 0);
	struct agent *agent;

	for (; (agent = ao2_iterator_next(&iterator)); ao2_ref(agent, -1)) {
		const struct aic_string_list *names = &agent->settings.hand_over_to;

		if (agent->settings.failover) {
			check_name(configuration, agent, "failover", agent->settings.failover, sink);
		}
		for (size_t i = 0; i < names->count; i++) {
			check_name(configuration, agent, "hand_over_to", names->items[i], sink);
		}
	}
	ao2_iterator_destroy(&iterator);
}

/* Loads the first file that exists. Returns NULL where there is none or it cannot be parsed (`*file` is set then). */
static struct ast_config *load_file(const char **file)
{
	struct ast_flags flags = {0};

	*file = NULL;
	for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
		struct ast_config *config = ast_config_load(file_names[i], flags);

		if (config == CONFIG_STATUS_FILEINVALID) {
			*file = file_names[i];
			return NULL;
		}
		if (config != CONFIG_STATUS_FILEMISSING && config != CONFIG_STATUS_FILEUNCHANGED) {
			*file = file_names[i];
			return config;
		}
	}
	return NULL;
}

int agents_load(int fd)
{
	struct problem_sink sink = {fd, 0, NULL};
	const char *file, *section;
	struct ast_config *config = load_file(&file);
	struct configuration *configuration;

	if (!config && file) {
		char text[128];

		snprintf(text, sizeof(text), "%s: it cannot be parsed; the messages of config.c in the log say where", file);
		report(&sink, text);
		return -1;
	}
	if (!config) {
		log_line(LOG_NOTICE, "Neither aiconvai.conf nor elevenlabs.conf exists: no agent is configured");
	}
	if (!(configuration = configuration_new(file))) {
		if (config) {
			ast_config_destroy(config);
		}
		return -1;
	}
	if (config) {
		/* The agents are made of the others, wherever they stand. */
		static const enum aic_option_scope order[] = {AIC_SCOPE_GENERAL, AIC_SCOPE_TOOL, AIC_SCOPE_PROMPT,
			AIC_SCOPE_AGENT};
		struct declarations declarations = {.tools = {0}};

		for (size_t i = 0; i < ARRAY_LEN(order); i++) {
			for (section = ast_category_browse(config, NULL); section; section = ast_category_browse(config, section)) {
				read_section(configuration, config, section, order[i], &declarations, &sink);
			}
		}
		declarations_free(&declarations);
		ast_config_destroy(config);
		check_names(configuration, &sink);
	}
	if (!sink.count) {
		ao2_global_obj_replace_unref(in_force, configuration);
	}
	ao2_ref(configuration, -1);
	return sink.count ? -1 : 0;
}

int agents_load_nothing(void)
{
	struct configuration *configuration = configuration_new(NULL);

	if (!configuration) {
		return -1;
	}
	ao2_global_obj_replace_unref(in_force, configuration);
	ao2_ref(configuration, -1);
	return 0;
}

struct configuration *agents_configuration(void)
{
	return ao2_global_obj_ref(in_force);
}

struct agent *agents_find(const struct configuration *configuration, const char *name)
{
	return ao2_find(configuration->agents, name, OBJ_SEARCH_KEY);
}

size_t agents_failover(const struct configuration *configuration, const struct agent *agent,
	struct agent *others[AGENTS_CHAIN_MAX])
{
	const struct agent *last = agent;
	size_t count = 0;

	while (last->settings.failover && count < AGENTS_CHAIN_MAX) {
		struct agent *next = agents_find(configuration, last->settings.failover);
		bool known = !next || next == agent;

		for (size_t i = 0; i < count; i++) {
			known = known || next == others[i];
		}
		if (known) {
			ao2_cleanup(next);
			break;
		}
		last = others[count++] = next;
	}
	return count;
}

void agents_unload(void)
{
	ao2_global_obj_release(in_force);
}

struct aic_agent_choice agent_choice(const struct agent *agent)
{
	return (struct aic_agent_choice) {.provider = aic_provider_of(agent->settings.provider),
		.settings = &agent->settings, .tools = &agent->tools,
		.prompts = agent->prompts ? &agent->prompts->settings : NULL};
}

const char *agent_endpoint(const struct agent *agent, char *buffer, size_t size)
{
	const struct aic_settings *settings = &agent->settings;
	const char *url = settings->conversation_url ? settings->conversation_url
		: settings->signed_url_endpoint ? settings->signed_url_endpoint : settings->conversation_endpoint;

	return aic_url_origin(url, buffer, size);
}
