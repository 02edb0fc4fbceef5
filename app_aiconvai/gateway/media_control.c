/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "media_control.h"

#include "json_members.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest name of an event, and value of a field, that is read, with the end of the text. */
#define WORD_MAX 64

static enum aic_media_event_type type_of(const char *name)
{
	static const struct {
		const char *name;
		enum aic_media_event_type type;
	} types[] = {{"MEDIA_START", AIC_MEDIA_START}, {"MEDIA_XOFF", AIC_MEDIA_XOFF}, {"MEDIA_XON", AIC_MEDIA_XON},
		{"STATUS", AIC_MEDIA_STATUS}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!strcmp(types[i].name, name)) {
			return types[i].type;
		}
	}
	return AIC_MEDIA_UNKNOWN;
}

/* Leaves what is no number as it is. */
static void read_number(const char *text, uint32_t *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && value <= UINT32_MAX) {
		*number = (uint32_t) value;
	}
}

static void take_field(struct aic_media_event *event, const char *name, const char *value)
{
	if (!strcmp(name, "optimal_frame_size")) {
		read_number(value, &event->frame_bytes);
	} else if (!strcmp(name, "queue_length")) {
		read_number(value, &event->queued);
	} else if (!strcmp(name, "format") && strlen(value) < sizeof(event->format)) {
		snprintf(event->format, sizeof(event->format), "%s", value);
	}
}

static void read_json(const char *text, struct aic_media_event *event)
{
	char problem[AIC_JSON_PROBLEM_MAX];
	struct aic_json_members members;

	if (!aic_json_members_read(&members, text, problem)) {
		const char *name = aic_json_members_find(&members, "event");

		event->type = name ? type_of(name) : AIC_MEDIA_UNKNOWN;
		for (size_t i = 0; i < members.count; i++) {
			take_field(event, members.items[i].name, members.items[i].value);
		}
	}
	aic_json_members_free(&members);
}

/* Copies the next word of the text; of one that is too long the beginning. Returns where the text goes on. */
static const char *next_word(const char *text, char word[WORD_MAX])
{
	size_t length;

	text += strspn(text, " \t\r\n");
	length = strcspn(text, " \t\r\n");
	snprintf(word, WORD_MAX, "%.*s", length < WORD_MAX ? (int) length : WORD_MAX - 1, text);
	return text + length;
}

static void read_words(const char *text, struct aic_media_event *event)
{
	char word[WORD_MAX];

	text = next_word(text, word);
	event->type = type_of(word);
	/* Of the others nothing is wanted. */
	while (event->type != AIC_MEDIA_UNKNOWN && *text) {
		char *colon;

		text = next_word(text, word);
		if ((colon = strchr(word, ':'))) {
			*colon = '\0';
			take_field(event, word, colon + 1);
		}
	}
}

void aic_media_event_read(const char *text, struct aic_media_event *event)
{
	*event = (struct aic_media_event) {.is_json = text[strspn(text, " \t\r\n")] == '{'};
	if (event->is_json) {
		read_json(text, event);
	} else {
		read_words(text, event);
	}
}

const char *aic_media_command_text(enum aic_media_command command, bool as_json)
{
	static const char *const texts[][2] = {
		[AIC_MEDIA_FLUSH] = {"FLUSH_MEDIA", "{\"command\":\"FLUSH_MEDIA\"}"},
		[AIC_MEDIA_GET_STATUS] = {"GET_STATUS", "{\"command\":\"GET_STATUS\"}"},
	};

	return texts[command][as_json];
}
