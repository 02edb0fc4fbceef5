/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A door is a way for a call to reach the gateway. Its lines do what all lines do (lines/line.h), and what is below;
 * all of it on the loop's thread.
 */
#ifndef AIC_DOOR_H
#define AIC_DOOR_H

#include "audio_format.h"
#include "line.h"

/* A UUID, as bytes. */
#define AIC_UUID_BYTES 16

/* What a line tells its call; any of it may close the line. */
struct aic_door_owner {
	/* Once; not by doors that are opened by us. */
	void (*identified)(void *user, const uint8_t uuid[AIC_UUID_BYTES]);
	void (*audio)(void *user, const uint8_t *bytes, size_t length); /* in the line's format */
	void (*key)(void *user, char key);
	/* The line is over, by whom- or whatever; once, also where that was asked for. `why` is a sentence. */
	void (*over)(void *user, const char *why);
};

struct aic_door_figures {
	uint64_t frames_received, frames_written;
	uint64_t frames_lost;   /* that were not taken, or were missing among what came */
	uint64_t silent_frames; /* written because nobody had written anything */
	uint64_t frames_refused; /* that were none, or came from somebody who may not send any */
};

struct aic_door_kind {
	/* Settles in which format the line is written to, and hands over; from then on it hands something over. */
	struct aic_audio_format (*settle)(struct aic_line *line);
	/* Tells the other side that the call is over, and ends once it has taken that, or after a while. */
	void (*terminate)(struct aic_line *line);
	/* Ends at once. */
	void (*close)(struct aic_line *line, const char *why);
	struct aic_door_figures (*figures)(const struct aic_line *line);
	/* Frees what the line has. It must be over, or never have been opened. */
	void (*clear)(struct aic_line *line);
};

#endif
