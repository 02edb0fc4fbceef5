/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Turns a stream of audio in one format into another: companding, and resampling by speexdsp where the rates differ.
 * Equal formats pass through untouched. Not thread-safe: one owner.
 */
#ifndef AIC_TRANSCODER_H
#define AIC_TRANSCODER_H

#include "audio_format.h"
#include "buffer.h"

struct aic_transcoder;

/* Returns NULL when memory is short or a rate is 0. Free it with aic_transcoder_free(). */
struct aic_transcoder *aic_transcoder_new(struct aic_audio_format from, struct aic_audio_format to);
void aic_transcoder_free(struct aic_transcoder *transcoder);

/* Whether the input is the output as it is: equal formats, of one byte a sample. */
bool aic_transcoder_passes_through(const struct aic_transcoder *transcoder);

/*
 * Appends to `out` what `length` bytes of input become: as much time as went in, from the first sample on. Where the
 * rates differ the sound in it is later by the filter's delay, and a stream begins with so much that is next to
 * silence. A trailing odd byte of linear input is kept for the next call. Returns 0, or -1 when memory is short (some
 * of the input is then lost).
 */
int aic_transcoder_run(struct aic_transcoder *transcoder, const uint8_t *in, size_t length, struct aic_buffer *out);

/* That delay in samples of the input; 0 at equal rates. It is about 32 samples of the lower rate: 4 ms at 8 kHz. */
uint32_t aic_transcoder_delay(const struct aic_transcoder *transcoder);

/* Whether some of the stream's sound is still in the filter. */
bool aic_transcoder_holds(const struct aic_transcoder *transcoder);

/*
 * The stream has ended: appends the sound that is still in the filter, which is as long as the delay, and forgets the
 * stream. A second time there is nothing. Returns 0, or -1 when memory is short (it is forgotten then, too).
 */
int aic_transcoder_finish(struct aic_transcoder *transcoder, struct aic_buffer *out);

/* Forgets the stream so far: what comes next has nothing to do with it (after an interruption). */
void aic_transcoder_reset(struct aic_transcoder *transcoder);

#endif
