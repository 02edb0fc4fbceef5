/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A thread that writes the agents' frames to channels whose drivers may wait for somebody in there, such as a Local
 * channel's for its other half: only their like waits with them. Each line has room for one frame on its way.
 */
#ifndef AIC_PATIENT_WRITER_H
#define AIC_PATIENT_WRITER_H

#include "line.h"

struct channel_line;

/* Starts the thread. Returns 0 or -1. */
int patient_writer_start(void);

/* Joins it. No line may be left. */
void patient_writer_stop(void);

/*
 * Has the frame (a copy; of idle audio or the agent's) written, if the one before is gone. The loop's thread; does not
 * wait.
 */
enum aic_line_written patient_writer_write(struct channel_line *line, const uint8_t *frame, size_t bytes, bool is_idle);

/* Waits until no frame of the line's is on its way. Nothing is written to it meanwhile. */
void patient_writer_drain(struct channel_line *line);

#endif
