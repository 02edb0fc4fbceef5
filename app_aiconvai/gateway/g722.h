/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * ITU-T G.722 at 64 kbit/s, both directions of one stream: 16 kHz linear on one side, one byte for two samples on the
 * other. By spandsp, without which there is none. Not thread-safe: one owner.
 */
#ifndef AIC_G722_H
#define AIC_G722_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIC_G722_RATE 16000

/* Bytes of linear audio that a byte of G.722 stands for. */
#define AIC_G722_RATIO 4

struct aic_g722;

/* Whether this was built with spandsp. */
bool aic_g722_is_there(void);

/* NULL: memory is short, or it is not there. */
struct aic_g722 *aic_g722_new(void);
void aic_g722_free(struct aic_g722 *g722);

/*
 * `length` bytes of linear audio, whole AIC_G722_RATIOs, little-endian, become a quarter as many at `coded`. Returns
 * how many.
 */
size_t aic_g722_encode(struct aic_g722 *g722, const uint8_t *linear, size_t length, uint8_t *coded);

/* `length` bytes become AIC_G722_RATIO times as many at `linear`. Returns how many. */
size_t aic_g722_decode(struct aic_g722 *g722, const uint8_t *coded, size_t length, uint8_t *linear);

#endif
