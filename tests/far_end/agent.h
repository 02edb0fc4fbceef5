/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The agents of the far end, each told by its name.
 *
 *     echo              what comes goes back, mu-law
 *     echo16, echo24    the same, announced as 16-bit samples at 16 or 24 kHz
 *     greet             a second of speech right behind the metadata
 *     talk-S            S seconds of speech at once
 *     interrupt-N       N times: three seconds of speech at once, then an interruption
 *     stream-C-J        speech as it is spoken, in chunks of C ms, each late by up to J ms
 *
 * Not every service has all of them: see service_refuses().
 */
#ifndef FAR_END_AGENT_H
#define FAR_END_AGENT_H

#include <stdbool.h>
#include <stdint.h>

/* Room for the longest name, terminated. */
#define AGENT_NAME_SIZE 64

enum agent_kind {
	AGENT_ECHO,
	AGENT_TALK,
	AGENT_INTERRUPT,
	AGENT_STREAM,
};

struct agent {
	char name[AGENT_NAME_SIZE];
	enum agent_kind kind;
	const char *format;        /* of both directions, where it is the agent's: as ElevenLabs names it */
	unsigned int sample_bytes; /* of it */
	uint32_t seconds;          /* AGENT_TALK */
	uint32_t interruptions;    /* AGENT_INTERRUPT */
	uint32_t chunk_ms;         /* AGENT_STREAM */
	uint32_t jitter_ms;        /* AGENT_STREAM */
};

/* Returns NULL, or what is wrong with the name; `agent->name` then is fit to be printed all the same. */
const char *agent_of_name(struct agent *agent, const char *name);

#endif
