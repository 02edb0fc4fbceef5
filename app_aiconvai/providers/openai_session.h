/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The settings of a session of OpenAI Realtime. Private to openai.c.
 */
#ifndef AIC_OPENAI_SESSION_H
#define AIC_OPENAI_SESSION_H

#include "audio_format.h"
#include "options.h"

struct aic_conversation;
struct aic_json_writer;

/* What the service is to take and to give: the line's own format where it has it. */
struct aic_audio_format aic_openai_session_format(struct aic_audio_format line);

/* Whether the service stops speaking by itself as soon as it hears the caller; otherwise it is told to. */
bool aic_openai_interrupts_itself(const struct aic_settings *settings);

/*
 * Whether the service begins an answer whenever the caller has made a sound; otherwise it is asked for one, if it was
 * more than a cough.
 */
bool aic_openai_answers_by_itself(const struct aic_settings *settings);

/* Writes all settings of a session with that format as the member "session". */
void aic_openai_session_put(struct aic_conversation *conversation, struct aic_json_writer *writer,
	struct aic_audio_format format);

#endif
