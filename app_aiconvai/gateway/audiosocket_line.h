/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A connection of AudioSocket as a line. Whatever its call is doing, Asterisk gets 20 ms of audio every 20 ms from the
 * moment it has said which call it is: from a server that is silent its newer versions read in a circle, with the
 * channel locked, and its application gives up after 2 s. Where nobody has written anything, that is silence.
 *
 * A connection may be another one's than Asterisk's, which this program has opened itself. It is treated alike.
 *
 * All of it is for the loop's thread.
 */
#ifndef AIC_AUDIOSOCKET_LINE_H
#define AIC_AUDIOSOCKET_LINE_H

#include "audio_format.h"
#include "audiosocket_message.h"
#include "buffer.h"
#include "door.h"
#include "event_loop.h"
#include "line.h"

struct aic_transcoder;

struct aic_audiosocket_line {
	struct aic_line line; /* the first member */
	/* Never change after creation. */
	struct aic_event_loop *loop;
	const struct aic_door_owner *owner;
	void *user;

	struct aic_watch watch; /* of the connection; its fd is -1 once that is over */
	struct aic_timer timer; /* when silence is written, or a closed connection dropped */
	struct aic_audiosocket_reader reader;
	bool identified;
	bool audio_only;        /* keys are told by somebody else */
	bool closing;           /* Asterisk was told that it is over, and is to close it */
	struct aic_audio_format format; /* of what is written and handed over; its rate is 0 until it is settled */
	uint32_t rate;          /* of what Asterisk sends; 0: nothing has come */
	struct aic_transcoder *transcoder; /* from that to the format; NULL: they are the same */
	struct aic_buffer transcoded;
	uint64_t filled_until_us; /* Asterisk has audio until then */
	uint8_t tail[AIC_AUDIOSOCKET_HEADER + AIC_FRAME_BYTES_MAX]; /* of a message that was not taken whole */
	size_t tail_length;
	unsigned int attempts;  /* to write the frame that waits */
	struct aic_door_figures figures;
};

extern const struct aic_door_kind aic_audiosocket_door;

/*
 * `line` begins as zeros. `fd` is the line's from now on, and does not block. `rate`: of what is written, where it is
 * known whose connection it is, and nobody has to say so; 0: whoever it is says so, and speaks first. Returns 0, or -1
 * where that fails.
 */
int aic_audiosocket_line_open(struct aic_audiosocket_line *line, struct aic_event_loop *loop, int fd, uint32_t rate,
	const struct aic_door_owner *owner, void *user);

/*
 * Somebody knows more of it: its audio is of that rate, also where none has come before it is settled, and keys are
 * told by him. Before it is settled.
 */
void aic_audiosocket_line_expect(struct aic_audiosocket_line *line, uint32_t rate);

#endif
