/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Messages of the service, as they come in pieces.
 */
#ifndef AIC_CONVERSATION_INCOMING_H
#define AIC_CONVERSATION_INCOMING_H

#include "audio_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_conversation;
struct aic_json_reader;

struct aic_incoming {
	struct aic_json_reader *reader; /* owned; the present provider's, as the record is */
	void *record;
	bool failed;  /* the rest of a message that is no JSON is skipped */
	size_t bytes; /* of the message that is coming, so far */
	/* of a binary message: the beginning of a sample whose end has not come yet */
	uint8_t split_sample[AIC_SAMPLE_BYTES_MAX];
	size_t split_bytes;
};

/* A connection was made: half a message of one that broke is no beginning of this one's first. */
void aic_incoming_begin(struct aic_incoming *incoming);

#endif
