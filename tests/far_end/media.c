/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "media.h"

#include "answers.h"
#include "buffer.h"
#include "facts.h"
#include "outgoing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Asterisk reads messages up to 65500 bytes. */
#define MESSAGE_MAX 65500

struct media {
	struct outgoing outgoing;
	struct answers answers;
	struct aic_buffer assembled; /* a message in fragments */
};

struct media *media_new(struct lws *wsi)
{
	struct media *media = calloc(1, sizeof(*media));

	if (media) {
		media->outgoing.wsi = wsi;
		answers_start(&media->answers, &media->outgoing);
	}
	return media;
}

static int take_message(struct media *media, const void *bytes, size_t length)
{
	uint8_t *echo;

	totals.messages_in++;
	totals.bytes_in += length;
	if (!lws_frame_is_binary(media->outgoing.wsi) || !length) {
		return 0;
	}
	echo = outgoing_scratch(length);
	memcpy(echo, bytes, length);
	return answers_send(&media->answers, echo, length, LWS_WRITE_BINARY);
}

int media_receive(struct media *media, const void *bytes, size_t length)
{
	struct lws *wsi = media->outgoing.wsi;
	bool last;
	int result;

	if (!wsi) {
		return -1;
	}
	last = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);
	if (last && !media->assembled.length) {
		return take_message(media, bytes, length);
	}
	if (media->assembled.length + length > MESSAGE_MAX) {
		facts_violation("media: a message of more than %d bytes", MESSAGE_MAX);
		return -1;
	}
	if (aic_buffer_append(&media->assembled, bytes, length)) {
		return -1;
	}
	if (!last) {
		return 0;
	}
	result = take_message(media, media->assembled.bytes, media->assembled.length);
	media->assembled.length = 0;
	return result;
}

int media_writable(struct media *media)
{
	return outgoing_resume(&media->outgoing);
}

void media_free(struct media *media)
{
	answers_stop(&media->answers);
	outgoing_free(&media->outgoing);
	aic_buffer_free(&media->assembled);
	free(media);
}
