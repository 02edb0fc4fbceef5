/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "websocket_line.h"

#include "container_of.h"
#include "media_control.h"
#include "request.h"
#include "websocket_frame.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(AIC_LINE_HEADROOM >= AIC_WEBSOCKET_HEADER_MAX, "a frame's header is written into the headroom");

/* So long Asterisk has to be connected to and to say that it takes audio. */
#define STARTING_US 5000000

/* So long it has to close a connection that we want closed. */
#define CLOSING_US 1000000

/* A frame is offered so often that the socket does not take: 20 ms of it. Then it is lost. */
#define ATTEMPTS_MAX 20

/* Asterisk is asked after so many frames how many wait: once a second. */
#define ASK_AFTER_FRAMES 50

/* Frames that wait there as a rule: one that has come, and another one where its clock and ours pass each other. */
#define QUEUED_USUALLY 2

static struct aic_websocket_line *line_of(struct aic_line *base)
{
	return AIC_CONTAINER_OF(base, struct aic_websocket_line, line);
}

/* While a connection is made or closed libwebsockets has all the loop's attention. */
static void set_unsettled(struct aic_websocket_line *line, bool unsettled)
{
	aic_event_loop_count_unsettled(line->loop, unsettled - line->unsettled);
	line->unsettled = unsettled;
}

/* The connection is forgotten: it has closed, or is closed now. */
static void end(struct aic_websocket_line *line, const char *why)
{
	if (line->is_over) {
		return;
	}
	line->is_over = true;
	line->started = false;
	aic_event_loop_unwatch(line->loop, &line->socket);
	if (line->wsi) {
		aic_connection_drop(line->wsi);
		line->wsi = NULL;
	}
	set_unsettled(line, false);
	aic_event_loop_leave(line->loop, &line->member);
	aic_event_loop_set_timer(line->loop, &line->timer, UINT64_MAX);
	line->owner->over(line->user, why);
}

static void on_loop_failed(struct aic_loop_member *member)
{
	struct aic_websocket_line *line = AIC_CONTAINER_OF(member, struct aic_websocket_line, member);

	if (line->wsi) {
		/* libwebsockets closes nothing any more; the socket itself goes with its context. */
		shutdown(lws_get_socket_fd(line->wsi), SHUT_RDWR);
	}
	end(line, "libwebsockets cannot go on: start the gateway anew");
}

/* --- to Asterisk --- */

/* The socket takes a message: none is kept from before, and libwebsockets is not telling of it. */
static bool may_send(const struct aic_websocket_line *line)
{
	return line->started && !line->closing && !line->is_told && !lws_partial_buffered(line->wsi);
}

/* Where may_send(). Returns whether it was sent. */
static bool send_message(struct aic_websocket_line *line, uint8_t *message, size_t length, bool is_binary)
{
	if (aic_connection_send(line->loop, line->wsi, message, length, is_binary)) {
		/* Its end is told, with nothing on the stack that closing would pull away. */
		aic_connection_kill(line->wsi);
		return false;
	}
	if (lws_partial_buffered(line->wsi)) {
		aic_event_loop_want_full_round(line->loop);
	}
	return true;
}

static void command(struct aic_websocket_line *line, enum aic_media_command what)
{
	char message[AIC_WEBSOCKET_HEADER_MAX + AIC_MEDIA_COMMAND_MAX], *text = message + AIC_WEBSOCKET_HEADER_MAX;

	snprintf(text, AIC_MEDIA_COMMAND_MAX, "%s", aic_media_command_text(what, line->in_json));
	send_message(line, (uint8_t *) text, strlen(text), false);
}

/* What was sent and waits is not to be heard: says so now, or as soon as that may be. */
static void flush(struct aic_websocket_line *line)
{
	line->flush_wanted = !may_send(line);
	line->behind = 0;
	line->filled_until_us = 0;
	if (line->flush_wanted) {
		aic_event_loop_set_timer(line->loop, &line->timer, aic_now_us() + AIC_LINE_RETRY_US);
	} else {
		command(line, AIC_MEDIA_FLUSH);
	}
}

static void on_timer(struct aic_timer *timer)
{
	struct aic_websocket_line *line = AIC_CONTAINER_OF(timer, struct aic_websocket_line, timer);

	if (line->closing) {
		end(line, "Asterisk did not close it");
	} else if (!line->started) {
		end(line, "Asterisk did not say in time that it takes audio");
	} else if (line->flush_wanted) {
		flush(line);
	}
}

static void interrupted(struct aic_line *base)
{
	struct aic_websocket_line *line = line_of(base);

	if (line->started && (line->behind || line->filled_until_us > aic_now_us())) {
		flush(line);
	}
}

static void note_filled(struct aic_websocket_line *line)
{
	uint64_t now_us = aic_now_us();

	line->figures.frames_written++;
	if (line->filled_until_us < now_us) {
		line->filled_until_us = now_us;
	}
	line->filled_until_us += AIC_FRAME_US;
	if (++line->unasked >= ASK_AFTER_FRAMES && may_send(line)) {
		line->unasked = 0;
		command(line, AIC_MEDIA_GET_STATUS);
	}
}

static enum aic_line_written write_frame(struct aic_line *base, uint8_t *frame, size_t bytes)
{
	struct aic_websocket_line *line = line_of(base);

	if (line->is_over || line->closing) {
		return AIC_LINE_WRITTEN;
	}
	if (line->started && !may_send(line) && ++line->attempts < ATTEMPTS_MAX) {
		return AIC_LINE_BUSY;
	}
	line->attempts = 0;
	if (line->flush_wanted && may_send(line)) {
		flush(line);
	}
	/* Said again: the socket may take one message and not another. */
	if (may_send(line) && !line->has_enough && send_message(line, frame, bytes, true)) {
		note_filled(line);
	} else {
		line->figures.frames_lost++;
	}
	return AIC_LINE_WRITTEN;
}

static enum aic_line_written write_idle(struct aic_line *base, uint8_t *frame, size_t bytes)
{
	struct aic_websocket_line *line = line_of(base);

	if (line->behind) {
		/* It has enough to go on with. */
		line->behind--;
		line->unasked++;
		return AIC_LINE_TAKEN;
	}
	return write_frame(base, frame, bytes);
}

static const struct aic_line_kind websocket_kind = {
	.name = "WebSocket",
	.write = write_frame,
	.write_idle = write_idle,
	.interrupted = interrupted,
};

/* --- from Asterisk --- */

static const char *format_name(const struct aic_websocket_line *line)
{
	return line->format.rate == 16000 ? "slin16" : "slin";
}

static void take_start(struct aic_websocket_line *line, const struct aic_media_event *event)
{
	size_t own = aic_format_bytes(line->format, AIC_FRAME_MS);
	char why[128];

	if (line->started) {
		return;
	}
	if (strcmp(event->format, format_name(line)) || !event->frame_bytes || own % event->frame_bytes) {
		snprintf(why, sizeof(why), "Asterisk takes %.15s in pieces of %u bytes; expected %s in pieces of %zu",
			event->format[0] ? event->format : "audio", event->frame_bytes, format_name(line), own);
		end(line, why);
		return;
	}
	line->started = true;
	line->in_json = event->is_json;
	set_unsettled(line, false);
	aic_event_loop_set_timer(line->loop, &line->timer, UINT64_MAX);
}

static void take_control(struct aic_websocket_line *line, const char *text)
{
	struct aic_media_event event;

	aic_media_event_read(text, &event);
	switch (event.type) {
	case AIC_MEDIA_START:
		take_start(line, &event);
		break;
	case AIC_MEDIA_XOFF:
		/* Nobody wants to hear now what was said so long ago. */
		line->has_enough = true;
		flush(line);
		break;
	case AIC_MEDIA_XON:
		line->has_enough = false;
		break;
	case AIC_MEDIA_STATUS:
		line->behind = event.queued > QUEUED_USUALLY ? event.queued - QUEUED_USUALLY : 0;
		break;
	case AIC_MEDIA_UNKNOWN:
		break;
	}
}

/* A piece of a control message. */
static void take_text(struct aic_websocket_line *line, const char *bytes, size_t length, bool is_complete)
{
	if (line->text.length + length > AIC_MEDIA_CONTROL_MAX || aic_buffer_append(&line->text, bytes, length)) {
		line->text_is_lost = true;
	}
	if (!is_complete) {
		return;
	}
	if (line->text_is_lost || aic_buffer_append(&line->text, "", 1)) {
		line->unknown++;
	} else {
		take_control(line, (const char *) line->text.bytes);
	}
	line->text.length = 0;
	line->text_is_lost = false;
}

/* A piece of audio: whole samples are handed over, a byte that is half of one waits for the other. */
static void take_audio(struct aic_websocket_line *line, const uint8_t *bytes, size_t length)
{
	if (line->has_half && length) {
		uint8_t sample[2] = {line->half, *bytes++};

		length--;
		line->has_half = false;
		line->owner->audio(line->user, sample, sizeof(sample));
	}
	if (length % 2) {
		line->half = bytes[--length];
		line->has_half = true;
	}
	if (length && !line->is_over) {
		line->owner->audio(line->user, bytes, length);
	}
}

static void on_receive(struct aic_websocket_line *line, struct lws *wsi, const void *bytes, size_t length)
{
	bool is_complete = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);

	if (line->closing) {
		return;
	}
	line->is_told = true;
	if (!lws_frame_is_binary(wsi)) {
		take_text(line, bytes, length, is_complete);
	} else {
		line->figures.frames_received += is_complete;
		if (line->settled) {
			take_audio(line, bytes, length);
		}
	}
	line->is_told = false;
}

/* --- what libwebsockets reports --- */

static void on_certificate_refused(struct aic_connection *connection, const char *why)
{
	struct aic_websocket_line *line = AIC_CONTAINER_OF(connection, struct aic_websocket_line, connection);

	snprintf(line->problem, sizeof(line->problem), "TLS: the certificate was refused: %s", why);
}

static void on_connection_error(struct aic_websocket_line *line, struct lws *wsi, const char *library_text)
{
	unsigned int status = lws_http_client_http_response(wsi);
	char why[256];

	line->wsi = NULL;
	if (line->problem[0]) {
		snprintf(why, sizeof(why), "%s", line->problem);
	} else if (status && status != 101) {
		snprintf(why, sizeof(why), "Asterisk answered HTTP %u to the WebSocket upgrade", status);
	} else {
		aic_connection_explain(wsi, library_text, why, sizeof(why));
	}
	end(line, why);
}

static void on_established(struct aic_websocket_line *line, struct lws *wsi)
{
	aic_event_loop_watch(line->loop, &line->socket, lws_get_socket_fd(wsi),
		line->url.secure ? lws_get_ssl(wsi) : NULL);
}

/* Returns what the callback is to return: nonzero closes the connection. */
static int on_writable(const struct aic_websocket_line *line, struct lws *wsi)
{
	if (!line->closing) {
		return 0;
	}
	lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
	return -1;
}

static int callback(struct aic_connection *connection, struct lws *wsi, enum lws_callback_reasons reason, void *in,
	size_t length)
{
	struct aic_websocket_line *line = AIC_CONTAINER_OF(connection, struct aic_websocket_line, connection);

	switch (reason) {
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_connection_error(line, wsi, in);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		on_established(line, wsi);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		on_receive(line, wsi, in, length);
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return on_writable(line, wsi);
	case LWS_CALLBACK_CLIENT_CLOSED:
		line->wsi = NULL;
		end(line, line->closing ? "it was ended here" : "Asterisk closed the connection");
		return 0;
	default:
		return 0;
	}
}

static const struct aic_connection_kind connection_kind = {
	.callback = callback,
	.certificate_refused = on_certificate_refused,
};

/* --- its life --- */

/* Returns false, with why, where that failed at once. */
static bool connect_to(struct aic_websocket_line *line, char *why, size_t size)
{
	struct aic_connection_target target = {.url = &line->url, .is_websocket = true, .subprotocol = "media",
		.address = line->place.address[0] ? line->place.address : line->url.host};
	struct lws *wsi;

	if (aic_url_parse(line->place.url, &line->url) || strlen(line->url.path) + 2 > AIC_CONNECTION_PATH_MAX) {
		snprintf(why, size, "that is no URL of a WebSocket");
		return false;
	}
	if (!(target.vhost = aic_event_loop_vhost(line->loop, &(struct aic_tls_files) {0}, NULL, why, size))) {
		return false;
	}
	snprintf(why, size, "the connection could not be made");
	wsi = aic_connection_begin(line->loop, &line->connection, &target, &line->wsi);
	/* Where it failed, the callback may have been told so, and the line be over. */
	line->wsi = line->is_over ? NULL : wsi;
	return wsi != NULL;
}

void aic_websocket_line_open(struct aic_websocket_line *line, struct aic_event_loop *loop,
	const struct aic_websocket_place *place, struct aic_audio_format format, const struct aic_door_owner *owner,
	void *user)
{
	char why[256];

	line->line.kind = &websocket_kind;
	line->loop = loop;
	line->owner = owner;
	line->user = user;
	line->format = format;
	line->place = *place;
	line->connection.kind = &connection_kind;
	line->timer.fire = on_timer;
	line->member.failed = on_loop_failed;
	if (aic_event_loop_has_failed(loop)) {
		end(line, "libwebsockets cannot go on: start the gateway anew");
		return;
	}
	aic_event_loop_join(loop, &line->member);
	set_unsettled(line, true);
	aic_event_loop_set_timer(loop, &line->timer, aic_now_us() + STARTING_US);
	if (!connect_to(line, why, sizeof(why))) {
		end(line, why);
	}
}

static struct aic_audio_format settle(struct aic_line *base)
{
	struct aic_websocket_line *line = line_of(base);

	line->settled = true;
	return line->format;
}

/* Asterisk hangs the channel up. */
static void terminate(struct aic_line *base)
{
	struct aic_websocket_line *line = line_of(base);

	if (line->is_over || line->closing) {
		return;
	}
	line->closing = true;
	if (!line->started) {
		end(line, "it was ended here");
		return;
	}
	set_unsettled(line, true);
	aic_event_loop_set_timer(line->loop, &line->timer, aic_now_us() + CLOSING_US);
	lws_callback_on_writable(line->wsi);
}

static void end_at_once(struct aic_line *base, const char *why)
{
	end(line_of(base), why);
}

static struct aic_door_figures figures(const struct aic_line *base)
{
	return AIC_CONTAINER_OF(base, struct aic_websocket_line, line)->figures;
}

static void clear(struct aic_line *base)
{
	aic_buffer_free(&line_of(base)->text);
}

const struct aic_door_kind aic_websocket_door = {
	.settle = settle,
	.terminate = terminate,
	.close = end_at_once,
	.figures = figures,
	.clear = clear,
};
