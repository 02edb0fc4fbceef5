/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The control messages of Asterisk's WebSocket channels (channels/chan_websocket.c), which go between those of audio:
 * as text ("STATUS queue_length:3 ..."), or as JSON where chan_websocket.conf says so. What it takes is in the form of
 * what it sends. Without a socket.
 */
#ifndef AIC_MEDIA_CONTROL_H
#define AIC_MEDIA_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest that is read; with it come the channel's variables, in JSON. */
#define AIC_MEDIA_CONTROL_MAX 16384

/* The longest that Asterisk takes. */
#define AIC_MEDIA_COMMAND_MAX 128

enum aic_media_event_type {
	AIC_MEDIA_UNKNOWN, /* one that does not matter here, or none at all */
	AIC_MEDIA_START,   /* the channel takes audio from now on */
	AIC_MEDIA_XOFF,    /* it has so much that more is thrown away */
	AIC_MEDIA_XON,     /* not any more */
	AIC_MEDIA_STATUS,
};

struct aic_media_event {
	enum aic_media_event_type type;
	bool is_json;
	/* START: bytes of 20 ms, what is left over of a message is thrown away; 0: it does not say */
	uint32_t frame_bytes;
	char format[16]; /* Asterisk's name for it; empty: it does not say, or it is longer */
	/* STATUS: frames that wait to be heard */
	uint32_t queued;
};

/* `text` is terminated. */
void aic_media_event_read(const char *text, struct aic_media_event *event);

enum aic_media_command {
	AIC_MEDIA_FLUSH,      /* what waits is not to be heard */
	AIC_MEDIA_GET_STATUS, /* STATUS follows */
};

/* The message for that. */
const char *aic_media_command_text(enum aic_media_command command, bool as_json);

#endif
