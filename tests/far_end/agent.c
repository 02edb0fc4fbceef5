/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "agent.h"

#include "speech.h"

#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

/*
 * Reads the number that `*text` begins with, up to `behind`, and moves `*text` after that. Returns false if there is
 * none in range.
 */
static bool take_number(const char **text, char behind, uint32_t least, uint32_t most, uint32_t *number)
{
	char *end;
	unsigned long value;

	if (**text < '0' || **text > '9') {
		return false;
	}
	value = strtoul(*text, &end, 10);
	if (*end != behind || value < least || value > most) {
		return false;
	}
	*text = behind ? end + 1 : end;
	*number = (uint32_t) value;
	return true;
}

static bool take_prefix(const char **text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(*text, prefix, length)) {
		return false;
	}
	*text += length;
	return true;
}

const char *agent_of_name(struct agent *agent, const char *name)
{
	const char *rest = name;

	*agent = (struct agent) {.format = "ulaw_8000", .sample_bytes = 1};
	if (!*name || strlen(name) >= sizeof(agent->name) || name[strspn(name, NAME_CHARACTERS)]) {
		agent->name[0] = '?';
		return "agent_id is missing, too long, or has a character no agent has";
	}
	memcpy(agent->name, name, strlen(name) + 1);
	if (!strcmp(name, "echo")) {
		return NULL;
	}
	if (!strcmp(name, "echo16") || !strcmp(name, "echo24")) {
		agent->format = name[4] == '1' ? "pcm_16000" : "pcm_24000";
		agent->sample_bytes = 2;
		return NULL;
	}
	if (!strcmp(name, "greet")) {
		agent->kind = AGENT_TALK;
		agent->seconds = 1;
	} else if (take_prefix(&rest, "talk-")) {
		agent->kind = AGENT_TALK;
		if (!take_number(&rest, '\0', 1, 3600, &agent->seconds)) {
			return "expected talk-S, S from 1 to 3600 seconds";
		}
	} else if (take_prefix(&rest, "interrupt-")) {
		agent->kind = AGENT_INTERRUPT;
		if (!take_number(&rest, '\0', 1, 1000000, &agent->interruptions)) {
			return "expected interrupt-N, N from 1 to 1000000 times";
		}
	} else if (take_prefix(&rest, "stream-")) {
		agent->kind = AGENT_STREAM;
		if (!take_number(&rest, '-', 1, 10000, &agent->chunk_ms) || !take_number(&rest, '\0', 0, 60000,
			&agent->jitter_ms)) {
			return "expected stream-C-J, chunks of C ms (1 to 10000), late by up to J ms (0 to 60000)";
		}
	} else {
		return "no such agent; there are echo, echo16, echo24, greet, talk-S, interrupt-N and stream-C-J";
	}
	return speech_is_loaded() ? NULL : "the agent speaks, but the far end was started without --speech";
}
