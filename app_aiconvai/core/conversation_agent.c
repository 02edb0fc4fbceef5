/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What a conversation is told about the call, and what it has of the agent it is with: its provider, its settings, and its texts with the values of
 * this call in them.
 */
#include "conversation_state.h"

#include "placeholders.h"

#include <stdlib.h>
#include <string.h>

/* Adds a copy of a variable, or replaces the value of the one of that name. Returns false when memory is short. */
static bool set_variable(struct aic_conversation *conversation, const char *name, size_t name_length, const char *value)
{
	struct aic_variable *variable = NULL;
	char *copy = strdup(value);

	if (!copy) {
		return false;
	}
	for (size_t i = 0; i < conversation->variable_count; i++) {
		const char *known = conversation->variables[i].name;

		/* The analyzer does not see that those counted have a name. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		if (strlen(known) == name_length && !memcmp(known, name, name_length)) {
			variable = &conversation->variables[i];
			free((char *) variable->value);
		}
	}
	if (!variable) {
		variable = &conversation->variables[conversation->variable_count];
		if (!(variable->name = strndup(name, name_length))) {
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

	conversation->variables = calloc(configured->count + setup->variable_count + 1, sizeof(*conversation->variables));
	if (!conversation->variables) {
		return false;
	}
	for (size_t i = 0; i < configured->count; i++) {
		size_t name_length = strcspn(configured->items[i], "=");

		if (!set_variable(conversation, configured->items[i], name_length, configured->items[i] + name_length + 1)) {
			return false;
		}
	}
	for (size_t i = 0; i < setup->variable_count; i++) {
		if (!set_variable(conversation, setup->variables[i].name, strlen(setup->variables[i].name), setup->variables[i].value)) {
			return false;
		}
	}
	return true;
}

/* Sets *filled to the text with the values of this call in it, or to NULL where there is none. Returns false when memory is short. */
static bool fill(struct aic_conversation *conversation, const char *text, char **filled)
{
	*filled = text ? aic_placeholders_fill(text, conversation->variables, conversation->variable_count) : NULL;
	return *filled || !text;
}

static bool fill_opening(struct aic_conversation *conversation, const char *text, struct aic_opening *opening)
{
	static const char order[] = "Say exactly this to the caller, and nothing else: ";
	struct aic_buffer whole = {0};

	if (!fill(conversation, text, &opening->text) || !opening->text) {
		return !text;
	}
	if (aic_buffer_append(&whole, order, strlen(order)) || aic_buffer_append(&whole, opening->text, strlen(opening->text) + 1)) {
		aic_buffer_free(&whole);
		return false;
	}
	opening->order = (char *) whole.bytes;
	return true;
}

/* Fills in what is told about the agent at the start. Returns false when memory is short. */
static bool fill_texts(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = conversation->settings;

	return fill(conversation, settings->prompt, &conversation->prompt)
		&& fill_opening(conversation, settings->first_message, &conversation->first_message)
		&& fill_opening(conversation, settings->reconnect_message, &conversation->reconnect_message);
}

void aic_conversation_forget_agent(struct aic_conversation *conversation)
{
	free(conversation->prompt);
	free(conversation->first_message.text);
	free(conversation->first_message.order);
	free(conversation->reconnect_message.text);
	free(conversation->reconnect_message.order);
	conversation->prompt = NULL;
	conversation->first_message = conversation->reconnect_message = (struct aic_opening) {NULL, NULL};
	aic_json_reader_free(conversation->reader);
	free(conversation->record);
	free(conversation->provider_state);
	conversation->reader = NULL;
	conversation->record = conversation->provider_state = NULL;
}

bool aic_conversation_take_agent(struct aic_conversation *conversation, const struct aic_agent_choice *agent)
{
	const struct aic_provider *provider = agent->provider;

	aic_conversation_forget_agent(conversation);
	conversation->provider = provider;
	conversation->settings = agent->settings;
	conversation->uplink.chunk_ms = (uint32_t) agent->settings->audio_frames_buffer_ms;
	aic_caller_idle_init(&conversation->caller_idle, (uint32_t) agent->settings->no_input_seconds, (uint32_t) agent->settings->no_input_warnings);
	conversation->record = calloc(1, provider->record_size);
	if (conversation->record) {
		conversation->reader = aic_json_reader_new(provider->fields, provider->field_count, conversation->record, provider->record_size);
	}
	/* One byte more, so that there is a state for those that have none too. */
	conversation->provider_state = calloc(1, provider->state_size + 1);
	return conversation->reader && conversation->provider_state && fill_texts(conversation);
}
