/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * How an AI service words what happens in the conversation that is replayed: one file for each, one row in services.c.
 * What happens when is the same with every service and stands in schedule.c.
 */
#ifndef REPLAY_SERVICE_H
#define REPLAY_SERVICE_H

#include "buffer.h"
#include "settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service {
	const char *name; /* as in the option `provider` */

	/*
	 * What it speaks with a caller in mu-law, as aic_format_parse() reads it; NULL at the end. With an option where it
	 * is the agent's choice.
	 */
	const char *const *formats;
	const char *format_option;

	/* What its agent needs beside `provider` and what is the same for all. */
	const struct aic_option_line *lines;
	size_t line_count;

	bool binary_audio; /* agent audio comes in binary messages, as it is */
	bool goes_on;      /* it never says that its agent was interrupted: all of a turn is heard */

	/*
	 * Each appends one message to `text`; NULL where the service has no such message, but for audio(). `format` is a
	 * name as aic_format_parse() reads it, `turn` counts the agent's turns from 1. greet() comes before anything else.
	 */
	void (*greet)(struct aic_buffer *text);
	void (*ready)(struct aic_buffer *text, const char *format);
	void (*ping)(struct aic_buffer *text, int64_t number);
	void (*voice_activity)(struct aic_buffer *text, double score);
	void (*caller_said)(struct aic_buffer *text, int64_t turn, const char *words, bool is_final);
	void (*agent_says)(struct aic_buffer *text, int64_t turn, const char *words);
	void (*audio)(struct aic_buffer *text, int64_t turn, const uint8_t *audio, size_t length);
	void (*interruption)(struct aic_buffer *text, int64_t turn);
	void (*agent_said)(struct aic_buffer *text, int64_t turn, const char *words, const char *heard);
};

/* The service of that name, NULL if there is none. */
const struct service *service_of(const char *name);

/* The services one by one, from 0; NULL behind the last. */
const struct service *service_at(size_t index);

/* Appends to `text` as printf() does; ends the program when memory is short. */
void __attribute__((format(printf, 2, 3))) put(struct aic_buffer *text, const char *format, ...);

/* Appends base64. */
void put_base64(struct aic_buffer *text, const uint8_t *bytes, size_t length);

#endif
