/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation is told about the call, and what it has of the agent it is with: its provider and its settings.
 */
#include "conversation_state.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more. Returns NULL when memory is short. */
static struct aic_variable *new_variable(struct aic_conversation *conversation)
{
	size_t size = (conversation->variable_count + 1) * sizeof(*conversation->variables);
	struct aic_variable *variables = realloc(conversation->variables, size);

	if (!variables) {
		return NULL;
	}
	conversation->variables = variables;
	return &variables[conversation->variable_count];
}

/* The one of that name; NULL: there is none. */
static struct aic_variable *find_variable(const struct aic_conversation *conversation, const char *name,
	size_t name_length)
{
	for (size_t i = 0; i < conversation->variable_count; i++) {
		const char *known = conversation->variables[i].name;

		/* The analyzer does not see that those counted have a name. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		if (strlen(known) == name_length && !memcmp(known, name, name_length)) {
			return &conversation->variables[i];
		}
	}
	return NULL;
}

bool aic_conversation_has_variable(const struct aic_conversation *conversation, const char *name, size_t name_length)
{
	return find_variable(conversation, name, name_length);
}

bool aic_conversation_set_variable(struct aic_conversation *conversation, const char *name, size_t name_length,
	const char *value)
{
	struct aic_variable *variable = find_variable(conversation, name, name_length);
	char *copy = strdup(value);

	if (!copy) {
		return false;
	}
	if (variable) {
		free((char *) variable->value);
	} else {
		variable = new_variable(conversation);
		if (!variable || !(variable->name = strndup(name, name_length))) {
			free(copy);
			return false;
		}
		conversation->variable_count++;
	}
	variable->value = copy;
	return true;
}

bool aic_conversation_copy_variables(struct aic_conversation *conversation, const struct aic_conversation_setup *setup)
{
	const struct aic_string_list *configured = &setup->agent.settings->dynamic_variable;

	for (size_t i = 0; i < configured->count; i++) {
		const char *entry = configured->items[i];

		if (!aic_conversation_set_variable(conversation, entry, aic_entry_name_length(entry), aic_entry_value(entry))) {
			return false;
		}
	}
	for (size_t i = 0; i < setup->variable_count; i++) {
		if (!aic_conversation_set_variable(conversation, setup->variables[i].name, strlen(setup->variables[i].name),
			setup->variables[i].value)) {
			return false;
		}
	}
	return true;
}

void aic_conversation_forget_agent(struct aic_conversation *conversation)
{
	aic_conversation_forget_texts(conversation);
	aic_json_reader_free(conversation->incoming.reader);
	free(conversation->incoming.record);
	free(conversation->provider_state);
	conversation->incoming.reader = NULL;
	conversation->incoming.record = conversation->provider_state = NULL;
}

static const struct aic_tools no_tools;

bool aic_conversation_take_agent(struct aic_conversation *conversation, const struct aic_agent_choice *agent)
{
	struct aic_incoming *incoming = &conversation->incoming;
	const struct aic_provider *provider = agent->provider;

	aic_conversation_forget_agent(conversation);
	conversation->provider = provider;
	conversation->settings = agent->settings;
	conversation->tools = agent->tools ? agent->tools : &no_tools;
	conversation->told.prompts = agent->prompts;
	conversation->uplink.chunk_ms = (uint32_t) agent->settings->audio_frames_buffer_ms;
	aic_leveller_init(&conversation->downlink.leveller, conversation->stats.line_format,
		(double) agent->settings->agent_level_dbfs);
	aic_caller_idle_init(&conversation->caller_idle, (uint32_t) agent->settings->no_input_seconds,
		(uint32_t) agent->settings->no_input_hard_seconds,
		(uint32_t) agent->settings->no_input_warnings);
	aic_service_watch_init(&conversation->watchdog.service, (uint32_t) agent->settings->service_silence_seconds);
	incoming->record = calloc(1, provider->record_size);
	if (incoming->record) {
		incoming->reader = aic_json_reader_new(provider->fields, provider->field_count, incoming->record,
			provider->record_size);
	}
	/* One byte more, so that there is a state for those that have none too. */
	conversation->provider_state = calloc(1, provider->state_size + 1);
	return incoming->reader && conversation->provider_state && aic_conversation_fill_texts(conversation);
}
