/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The WebSocket of a channel of Asterisk's (channels/chan_websocket.c) as a line. Asterisk waits, and we connect. Audio
 * goes both ways as messages of 20 ms, linear; between them control messages (media_control.h).
 *
 * Asterisk has a queue of 20 s, and plays 20 ms of it every 20 ms: what waits there is late for the rest of the call.
 * So it gets a frame only when one is due, is asked now and then how much waits, and where that is more than it should
 * be, idle audio is left out until it is not. What is flushed when the caller interrupts is the frame or two that wait.
 *
 * All of it is for the loop's thread.
 */
#ifndef AIC_WEBSOCKET_LINE_H
#define AIC_WEBSOCKET_LINE_H

#include "buffer.h"
#include "connection.h"
#include "door.h"
#include "event_loop.h"
#include "line.h"
#include "url.h"

/* Longest URL, and address, with the end of the text. */
#define AIC_WEBSOCKET_URL_MAX 512
#define AIC_WEBSOCKET_ADDRESS_MAX 64

/* Where Asterisk waits. */
struct aic_websocket_place {
	char url[AIC_WEBSOCKET_URL_MAX]; /* ws:// or wss://, up to the connection's name */
	char address[AIC_WEBSOCKET_ADDRESS_MAX]; /* its host's; empty: it stands in the URL */
};

struct aic_websocket_line {
	struct aic_line line; /* the first member */
	/* Never change after creation. */
	struct aic_event_loop *loop;
	const struct aic_door_owner *owner;
	void *user;
	struct aic_audio_format format;
	struct aic_websocket_place place;
	struct aic_url url; /* its parts */

	struct aic_connection connection;
	struct lws *wsi; /* NULL: there is none any more */
	struct aic_watched_socket socket;
	struct aic_loop_member member;
	struct aic_timer timer; /* until when it is to have started, or to be closed; in between, when to flush */
	bool unsettled;         /* the loop counts it as such */
	bool is_over;
	bool is_told;           /* libwebsockets tells of a message, and takes none meanwhile */
	bool closing;           /* we want that */
	bool settled;           /* somebody listens */
	char problem[160];      /* why it was not trusted; empty: it was */

	/* To Asterisk. */
	bool started; /* it takes audio */
	bool in_json; /* how it speaks */
	bool has_enough;    /* it throws more away */
	bool flush_wanted;  /* it was not to be told at once */
	uint32_t behind;    /* frames that wait there, beyond what usually does, when it last said so */
	uint64_t filled_until_us; /* it has audio until then, as far as we know */
	unsigned int unasked;  /* frames written since it was asked */
	unsigned int attempts; /* to write the frame that waits */

	/* From Asterisk. */
	struct aic_buffer text; /* the beginning of a control message */
	bool text_is_lost;      /* it is too long */
	uint8_t half;           /* the first byte of a sample */
	bool has_half;
	uint64_t unknown;       /* control messages that were too long, or no memory was there for */

	struct aic_door_figures figures;
};

extern const struct aic_door_kind aic_websocket_door;

/*
 * Begins to connect. `line` begins as zeros; `format` is linear. Where nothing comes of it the owner is told that it is
 * over, perhaps at once.
 */
void aic_websocket_line_open(struct aic_websocket_line *line, struct aic_event_loop *loop,
	const struct aic_websocket_place *place, struct aic_audio_format format, const struct aic_door_owner *owner,
	void *user);

#endif
