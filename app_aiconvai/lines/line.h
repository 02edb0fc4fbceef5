/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A line is the audio side of a call: an Asterisk channel, an imitation in a test. It is as plain as a provider: it has
 * one format, hands over what the caller's side brings, and takes 20 ms of the agent's audio at a time.
 *
 * To the caller. Whoever paces the agent's audio (playout.h) calls aic_line_write() with one frame of AIC_FRAME_MS when
 * it is due. A line never waits in there for longer than it takes to hand the frame on; one that would have to says
 * AIC_LINE_BUSY and is asked again with the same frame, AIC_LINE_RETRY_US later. It decides when to give the frame up.
 * While the agent says nothing it is given idle audio, and says itself whether somebody else is heard instead.
 *
 * From the caller. A line that is served by a loop hands what comes to the call's link (loop/link.h): audio as it
 * comes, any number of whole samples, and keys; on the loop's thread, or through the link's rings where another one
 * reads it.
 *
 * Threads. Writing is for one loop's thread, for as long as the line is served. How a line gets a frame to where it is
 * heard, where another thread has to do that, is its own affair.
 *
 * Ownership. Frames and audio are lent for the call. Who serves a line does not free it.
 */
#ifndef AIC_LINE_H
#define AIC_LINE_H

#include <stddef.h>
#include <stdint.h>

/* After so long a frame that the line could not take is offered again. */
#define AIC_LINE_RETRY_US 1000

/* Bytes in front of a frame that the line may use, such as for the header of a packet. */
#define AIC_LINE_HEADROOM 64

struct aic_line;

enum aic_line_written {
	AIC_LINE_WRITTEN, /* or lost for good, and counted: the next frame is due as usual */
	AIC_LINE_BUSY,    /* not now: the same frame is to be offered again */
	AIC_LINE_TAKEN,   /* of idle audio only: somebody else is heard, and it is not needed */
};

struct aic_line_kind {
	const char *name;
	/* `frame` has AIC_LINE_HEADROOM writable bytes in front of it. */
	enum aic_line_written (*write)(struct aic_line *line, uint8_t *frame, size_t bytes);
	/* The same with a frame of idle audio; another one may be offered in its place. NULL: none is wanted */
	enum aic_line_written (*write_idle)(struct aic_line *line, uint8_t *frame, size_t bytes);
	/* The caller interrupted: what was written and is not heard yet is not to be. NULL: none of it waits anywhere. */
	void (*interrupted)(struct aic_line *line);
	/* Nothing is written any more. NULL: does not matter. */
	void (*left)(struct aic_line *line);
};

/* The part that all lines have. */
struct aic_line {
	const struct aic_line_kind *kind;
};

static inline enum aic_line_written aic_line_write(struct aic_line *line, uint8_t *frame, size_t bytes)
{
	return line->kind->write(line, frame, bytes);
}

#endif
