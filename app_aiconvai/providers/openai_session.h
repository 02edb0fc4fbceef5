/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The settings of a session of OpenAI Realtime. Private to openai.c.
 */
#ifndef AIC_OPENAI_SESSION_H
#define AIC_OPENAI_SESSION_H

#include "audio_format.h"

struct aic_conversation;
struct aic_json_writer;

/* What the service is to take and to give: the line's own format where it has it. */
struct aic_audio_format aic_openai_session_format(struct aic_audio_format line);

/* Writes all settings of a session with that format as the member "session". */
void aic_openai_session_put(struct aic_conversation *conversation, struct aic_json_writer *writer, struct aic_audio_format format);

#endif
