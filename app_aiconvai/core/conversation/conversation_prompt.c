/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the agent is told to be and to say: its own prompt, the system instruction of its prompts and, while the
 * conversation is in one of their states, what that state says; with the values of this call in them.
 */
#include "conversation_state.h"

#include "placeholders.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER "Say exactly this to the caller, and nothing else: "

/*
 * Sets *filled to the text with the values of this call in it, or to NULL where there is none. Returns false when
 * memory is short.
 */
static bool fill(struct aic_conversation *conversation, const char *text, char **filled)
{
	bool left = false;

	*filled = text ? aic_placeholders_fill(text, conversation->variables, conversation->variable_count, &left) : NULL;
	if (left) {
		aic_conversation_beyond(conversation, AIC_BOUND_FILLED);
	}
	return *filled || !text;
}

/* Both, one behind the other, to be freed; NULL when memory is short. */
static char *join(const char *first, const char *second)
{
	struct aic_buffer whole = {0};

	if (aic_buffer_append(&whole, first, strlen(first)) || aic_buffer_append(&whole, second, strlen(second) + 1)) {
		aic_buffer_free(&whole);
	}
	return (char *) whole.bytes;
}

static bool fill_opening(struct aic_conversation *conversation, const char *text, struct aic_opening *opening)
{
	if (!fill(conversation, text, &opening->text) || !opening->text) {
		return !text;
	}
	opening->order = join(ORDER, opening->text);
	return opening->order != NULL;
}

/* What a state says. */
static const char *text_of(const char *state)
{
	return state ? aic_entry_value(state) : NULL;
}

/* Returns false when memory is short. */
static bool fill_prompt(struct aic_conversation *conversation)
{
	const char *const parts[] = {
		conversation->settings->prompt,
		conversation->told.prompts ? conversation->told.prompts->system_instruction : NULL,
		text_of(conversation->told.state),
	};
	struct aic_buffer whole = {0};
	bool failed = false;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		failed = failed || (parts[i] && whole.length && aic_buffer_append(&whole, "\n\n", 2))
			|| (parts[i] && aic_buffer_append(&whole, parts[i], strlen(parts[i])));
	}
	free(conversation->told.prompt);
	conversation->told.prompt = NULL;
	failed = failed || (whole.length && (aic_buffer_append(&whole, "", 1)
		|| !fill(conversation, (char *) whole.bytes, &conversation->told.prompt)));
	aic_buffer_free(&whole);
	return !failed;
}

/* The state of that name, NULL: there is none. */
static const char *find_state(const struct aic_conversation *conversation, const char *name)
{
	return conversation->told.prompts ? aic_entry_find(&conversation->told.prompts->state, name) : NULL;
}

static void set_state(struct aic_conversation *conversation, const char *state)
{
	conversation->told.state = state;
	snprintf(conversation->stats.state, sizeof(conversation->stats.state), "%.*s", state
		? (int) aic_entry_name_length(state) : 0, state ? state : "");
}

bool aic_conversation_fill_texts(struct aic_conversation *conversation)
{
	const struct aic_settings *settings = conversation->settings;

	set_state(conversation, find_state(conversation, settings->first_state));
	return fill_prompt(conversation) && fill_opening(conversation, settings->first_message,
		&conversation->told.first_message) && fill_opening(conversation, settings->resume_message,
		&conversation->told.resume_message) && fill_opening(conversation, settings->reconnect_message,
		&conversation->told.reconnect_message);
}

void aic_conversation_forget_texts(struct aic_conversation *conversation)
{
	free(conversation->told.prompt);
	free(conversation->told.first_message.text);
	free(conversation->told.first_message.order);
	free(conversation->told.resume_message.text);
	free(conversation->told.resume_message.order);
	free(conversation->told.reconnect_message.text);
	free(conversation->told.reconnect_message.order);
	conversation->told.prompt = NULL;
	conversation->told.first_message = conversation->told.resume_message = conversation->told.reconnect_message
		= (struct aic_opening) {NULL, NULL};
	set_state(conversation, NULL);
}

bool aic_conversation_fill_texts_again(struct aic_conversation *conversation)
{
	const char *state = conversation->told.state;

	aic_conversation_forget_texts(conversation);
	if (!aic_conversation_fill_texts(conversation)) {
		return false;
	}
	if (state == conversation->told.state) {
		return true;
	}
	set_state(conversation, state);
	return fill_prompt(conversation);
}

/* --- states --- */

char *aic_conversation_state_text(struct aic_conversation *conversation)
{
	char introduction[160], *text, *whole;

	/* Most services only add to what they were told before. */
	snprintf(introduction, sizeof(introduction), "The conversation is in the state %s now; what you were told for "
		"another one holds no more.\n",
		conversation->stats.state);
	if (!fill(conversation, text_of(conversation->told.state), &text) || !text) {
		return NULL;
	}
	whole = join(introduction, text);
	free(text);
	return whole;
}

/*
 * The value of a placeholder, such as the agent gives; of more than there may be only the beginning is taken. Returns
 * false when memory is short.
 */
static bool take_value(struct aic_conversation *conversation, const struct aic_variable *given)
{
	size_t name_length = strlen(given->name), length = aic_utf8_cut(given->value, AIC_VARIABLE_MAX);
	bool fits = name_length <= AIC_NAME_MAX
		&& (conversation->variable_count < AIC_VARIABLES_MAX || aic_conversation_has_variable(conversation, given->name,
		name_length));
	char *value;
	bool taken;

	if (!fits || given->value[length]) {
		aic_conversation_beyond(conversation, AIC_BOUND_VARIABLE);
	}
	if (!fits) {
		return true;
	}
	value = strndup(given->value, length);
	taken = value && aic_conversation_set_variable(conversation, given->name, name_length, value);
	free(value);
	return taken;
}

const char *aic_conversation_go_to_state(struct aic_conversation *conversation, const char *name,
	const struct aic_variable *values, size_t count)
{
	const char *state = find_state(conversation, name);

	if (!state) {
		return conversation->told.prompts ? "The agent's prompts have no state of that name."
			: "The agent has no prompts with states (option prompts).";
	}
	for (size_t i = 0; i < count; i++) {
		if (!take_value(conversation, &values[i])) {
			return "Out of memory.";
		}
	}
	set_state(conversation, state);
	aic_interruption_look(conversation);
	if (!fill_prompt(conversation)) {
		return "Out of memory.";
	}
	aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_STATE,
		.state = {.name = conversation->stats.state}});
	return NULL;
}

/* Tells the service, in the way it has for that. */
static void tell_state(struct aic_conversation *conversation)
{
	const struct aic_provider *provider = conversation->provider;
	char *text = aic_conversation_state_text(conversation);

	conversation->told.state_missed = false;
	if (text && provider->instruct) {
		provider->instruct(conversation, text);
	} else if (text && provider->context) {
		provider->context(conversation, text);
	}
	free(text);
}

const struct aic_opening *aic_conversation_opening(const struct aic_conversation *conversation)
{
	const struct aic_told *told = &conversation->told;

	if (conversation->stats.reopenings > conversation->hand_over.first_session) {
		return &told->reconnect_message;
	}
	return conversation->resumes ? &told->resume_message : &told->first_message;
}

void aic_conversation_tell_missed_state(struct aic_conversation *conversation)
{
	if (conversation->told.state_missed) {
		tell_state(conversation);
	}
}

const char *aic_conversation_enter_state(struct aic_conversation *conversation, const char *name,
	const struct aic_variable *values, size_t count)
{
	const char *problem;

	if (conversation->phase == AIC_PHASE_ENDED) {
		return "The conversation is over.";
	}
	if ((problem = aic_conversation_go_to_state(conversation, name, values, count))) {
		return problem;
	}
	/* A session that has not begun yet begins with it. */
	conversation->told.state_missed = conversation->phase == AIC_PHASE_STARTING;
	if (conversation->phase == AIC_PHASE_ACTIVE) {
		tell_state(conversation);
	}
	return NULL;
}
