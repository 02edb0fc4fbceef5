/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * ITU-T G.711 companding. Pure functions; safe from any thread.
 */
#ifndef AIC_G711_H
#define AIC_G711_H

#include <stddef.h>
#include <stdint.h>

/* `count` samples each; `in` and `out` must not overlap. Linear samples use the full 16-bit range. */
void aic_ulaw_decode(const uint8_t *in, int16_t *out, size_t count);
void aic_ulaw_encode(const int16_t *in, uint8_t *out, size_t count);
void aic_alaw_decode(const uint8_t *in, int16_t *out, size_t count);
void aic_alaw_encode(const int16_t *in, uint8_t *out, size_t count);

/* Sum of the squares of what `count` codes decode to. */
uint64_t aic_ulaw_square_sum(const uint8_t *in, size_t count);
uint64_t aic_alaw_square_sum(const uint8_t *in, size_t count);

#endif
