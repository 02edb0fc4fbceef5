/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "audiosocket_line.h"

#include "container_of.h"
#include "transcoder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Taken from the connection in a round of the loop; more waits for the next one. */
#define READ_BYTES 4096

/* Idle audio may be so late before silence takes its place: the loop rests, and others have their turn. */
#define SLACK_US 8000

/* A frame is offered so often that Asterisk does not take: 20 ms of it. Then it is lost. */
#define ATTEMPTS_MAX 20

/* So long Asterisk has to close a connection that it was told is over. */
#define CLOSING_US 1000000

/* The highest rate that the engine carries. */
#define RATE_MAX 48000

/* Nobody knows better: what the application AudioSocket() sends. */
#define RATE_USUAL 8000

static struct aic_audiosocket_line *line_of(struct aic_line *base)
{
	return AIC_CONTAINER_OF(base, struct aic_audiosocket_line, line);
}

static void end(struct aic_audiosocket_line *line, const char *why)
{
	int fd = line->watch.fd;

	if (fd < 0) {
		return;
	}
	aic_event_loop_unwatch_fd(line->loop, &line->watch);
	aic_event_loop_set_timer(line->loop, &line->timer, UINT64_MAX);
	line->watch.fd = -1;
	close(fd);
	line->owner->over(line->user, why);
}

/* --- to Asterisk --- */

enum sent {
	SENT,
	NOT_NOW,
	FAILED,
};

/* Sends what the line takes. What is left of a message that was begun is kept. */
static enum sent send_bytes(struct aic_audiosocket_line *line, const uint8_t *bytes, size_t length)
{
	ssize_t sent = send(line->watch.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0) {
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? NOT_NOW : FAILED;
	}
	line->tail_length = length - (size_t) sent;
	memmove(line->tail, bytes + sent, line->tail_length);
	return SENT;
}

static enum sent send_message(struct aic_audiosocket_line *line, const uint8_t *message, size_t length)
{
	if (line->tail_length) {
		enum sent sent = send_bytes(line, line->tail, line->tail_length);

		if (sent == FAILED || line->tail_length) {
			return sent == FAILED ? FAILED : NOT_NOW;
		}
	}
	return send_bytes(line, message, length);
}

static void note_filled(struct aic_audiosocket_line *line)
{
	uint64_t now_us = aic_now_us();

	line->figures.frames_written++;
	line->attempts = 0;
	if (line->filled_until_us < now_us) {
		line->filled_until_us = now_us;
	}
	line->filled_until_us += AIC_FRAME_US;
}

static enum aic_line_written write_frame(struct aic_line *base, uint8_t *frame, size_t bytes)
{
	struct aic_audiosocket_line *line = line_of(base);
	uint8_t *message = frame - AIC_AUDIOSOCKET_HEADER;

	if (line->watch.fd < 0 || line->closing) {
		return AIC_LINE_WRITTEN;
	}
	aic_audiosocket_put_header(message, aic_audiosocket_kind_of_rate(line->format.rate), bytes);
	switch (send_message(line, message, AIC_AUDIOSOCKET_HEADER + bytes)) {
	case SENT:
		note_filled(line);
		return AIC_LINE_WRITTEN;
	case NOT_NOW:
		if (++line->attempts < ATTEMPTS_MAX) {
			return AIC_LINE_BUSY;
		}
		line->attempts = 0;
		line->figures.frames_lost++;
		return AIC_LINE_WRITTEN;
	case FAILED:
		/* Whoever reads it is told, with nothing on the stack that closing would pull away. */
		break;
	}
	line->figures.frames_lost++;
	return AIC_LINE_WRITTEN;
}

static const struct aic_line_kind audiosocket_kind = {
	.name = "AudioSocket",
	.write = write_frame,
	.write_idle = write_frame,
};

static void write_silence(struct aic_audiosocket_line *line)
{
	uint8_t message[AIC_AUDIOSOCKET_HEADER + AIC_FRAME_BYTES_MAX] = {0};
	uint32_t rate = line->format.rate ? line->format.rate : RATE_USUAL;
	size_t bytes = aic_format_bytes((struct aic_audio_format) {AIC_ENCODING_PCM16, rate}, AIC_FRAME_MS);

	aic_audiosocket_put_header(message, aic_audiosocket_kind_of_rate(rate), bytes);
	if (send_message(line, message, AIC_AUDIOSOCKET_HEADER + bytes) == SENT) {
		note_filled(line);
		line->figures.silent_frames++;
	} else {
		/* It is behind, and has audio still. */
		line->filled_until_us = aic_now_us() + AIC_FRAME_US;
	}
}

static void on_timer(struct aic_timer *timer)
{
	struct aic_audiosocket_line *line = AIC_CONTAINER_OF(timer, struct aic_audiosocket_line, timer);

	if (line->closing) {
		end(line, "Asterisk did not close it");
		return;
	}
	/* Others may have written since the timer was set. */
	if (line->filled_until_us + SLACK_US <= aic_now_us()) {
		write_silence(line);
	}
	aic_event_loop_set_timer(line->loop, timer, line->filled_until_us + SLACK_US);
}

/* It is known which call it is: from now on there is always audio. */
static void begin(struct aic_audiosocket_line *line)
{
	line->identified = true;
	write_silence(line);
	aic_event_loop_set_timer(line->loop, &line->timer, line->filled_until_us + SLACK_US);
}

/* --- from Asterisk --- */

static void take_audio(struct aic_audiosocket_line *line, uint8_t kind, const uint8_t *bytes, size_t length)
{
	uint32_t rate = aic_audiosocket_rate(kind);

	if (rate != line->rate) {
		line->rate = rate;
		aic_transcoder_free(line->transcoder);
		line->transcoder = NULL;
	}
	if (!line->format.rate) {
		/* Nobody listens yet. */
		return;
	}
	if (rate == line->format.rate) {
		line->owner->audio(line->user, bytes, length);
		return;
	}
	if (!line->transcoder) {
		line->transcoder = aic_transcoder_new((struct aic_audio_format) {AIC_ENCODING_PCM16, rate}, line->format);
	}
	line->transcoded.length = 0;
	if (line->transcoder && !aic_transcoder_run(line->transcoder, bytes, length, &line->transcoded)) {
		line->owner->audio(line->user, line->transcoded.bytes, line->transcoded.length);
	}
}

static void take_message(void *user, uint8_t kind, const uint8_t *payload, size_t length)
{
	struct aic_audiosocket_line *line = user;

	if (line->watch.fd < 0 || line->closing) {
		return;
	}
	if (kind == AIC_AUDIOSOCKET_UUID) {
		if (!line->identified) {
			begin(line);
			line->owner->identified(line->user, payload);
		}
	} else if (!line->identified) {
		end(line, "it did not say which call it is");
	} else if (kind == AIC_AUDIOSOCKET_DTMF && length) {
		if (!line->audio_only) {
			line->owner->key(line->user, (char) payload[0]);
		}
	} else if (aic_audiosocket_rate(kind)) {
		line->figures.frames_received++;
		take_audio(line, kind, payload, length);
	}
}

static void on_ready(struct aic_watch *watch, uint32_t events)
{
	struct aic_audiosocket_line *line = AIC_CONTAINER_OF(watch, struct aic_audiosocket_line, watch);
	uint8_t bytes[READ_BYTES];
	ssize_t length = recv(watch->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	(void) events;
	if (length > 0) {
		aic_audiosocket_read(&line->reader, bytes, (size_t) length, take_message, line);
	} else if (!length) {
		/* A caller who hangs up is told by no message. */
		end(line, "Asterisk closed the connection");
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		char why[128];

		snprintf(why, sizeof(why), "the connection broke off: %m");
		end(line, why);
	}
}

/* --- its life --- */

int aic_audiosocket_line_open(struct aic_audiosocket_line *line, struct aic_event_loop *loop, int fd, uint32_t rate,
	const struct aic_door_owner *owner, void *user)
{
	line->line.kind = &audiosocket_kind;
	line->loop = loop;
	line->owner = owner;
	line->user = user;
	line->watch = (struct aic_watch) {.ready = on_ready, .fd = fd};
	line->timer.fire = on_timer;
	if (aic_event_loop_watch_fd(loop, &line->watch, fd, EPOLLIN)) {
		line->watch.fd = -1;
		close(fd);
		return -1;
	}
	if (rate) {
		line->format = (struct aic_audio_format) {AIC_ENCODING_PCM16, rate};
		begin(line);
	}
	return 0;
}

void aic_audiosocket_line_expect(struct aic_audiosocket_line *line, uint32_t rate)
{
	line->audio_only = true;
	line->rate = rate;
}

/* Where it was opened without one, in that of the caller's audio, if some has come, or it was told. */
static struct aic_audio_format settle(struct aic_line *base)
{
	struct aic_audiosocket_line *line = line_of(base);
	uint32_t rate = line->rate ? line->rate : RATE_USUAL;

	if (!line->format.rate) {
		line->format = (struct aic_audio_format) {AIC_ENCODING_PCM16, rate < RATE_MAX ? rate : RATE_MAX};
	}
	return line->format;
}

/* The dialplan goes on; Asterisk closes the connection, and has a while for that. */
static void terminate(struct aic_line *base)
{
	struct aic_audiosocket_line *line = line_of(base);
	uint8_t message[AIC_AUDIOSOCKET_HEADER];

	if (line->watch.fd < 0 || line->closing) {
		return;
	}
	aic_audiosocket_put_header(message, AIC_AUDIOSOCKET_TERMINATE, 0);
	if (send_message(line, message, sizeof(message)) != SENT || line->tail_length) {
		end(line, "Asterisk does not read what it is sent");
		return;
	}
	/* Closed at once, with what the caller has said unread, it would be reset, and the message with it. */
	shutdown(line->watch.fd, SHUT_WR);
	line->closing = true;
	aic_event_loop_set_timer(line->loop, &line->timer, aic_now_us() + CLOSING_US);
}

static void end_at_once(struct aic_line *base, const char *why)
{
	end(line_of(base), why);
}

static struct aic_door_figures figures(const struct aic_line *base)
{
	return AIC_CONTAINER_OF(base, struct aic_audiosocket_line, line)->figures;
}

static void clear(struct aic_line *base)
{
	struct aic_audiosocket_line *line = line_of(base);

	aic_transcoder_free(line->transcoder);
	aic_buffer_free(&line->transcoded);
}

const struct aic_door_kind aic_audiosocket_door = {
	.settle = settle,
	.terminate = terminate,
	.close = end_at_once,
	.figures = figures,
	.clear = clear,
};
