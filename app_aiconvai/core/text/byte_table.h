/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Tables with an entry for each value of a byte, made by the compiler.
 */
#ifndef AIC_BYTE_TABLE_H
#define AIC_BYTE_TABLE_H

#define AIC_ENTRIES_4(entry, c) entry(c), entry((c) + 1), entry((c) + 2), entry((c) + 3)
#define AIC_ENTRIES_16(entry, c) \
	AIC_ENTRIES_4(entry, c), AIC_ENTRIES_4(entry, (c) + 4), AIC_ENTRIES_4(entry, (c) + 8), \
		AIC_ENTRIES_4(entry, (c) + 12)
#define AIC_ENTRIES_64(entry, c) \
	AIC_ENTRIES_16(entry, c), AIC_ENTRIES_16(entry, (c) + 16), AIC_ENTRIES_16(entry, (c) + 32), \
		AIC_ENTRIES_16(entry, (c) + 48)

/* The initializer {entry(0), entry(1), ... entry(255)}; `entry` is a macro, and its value a constant. */
#define AIC_BYTE_TABLE(entry) \
	{AIC_ENTRIES_64(entry, 0), AIC_ENTRIES_64(entry, 64), AIC_ENTRIES_64(entry, 128), AIC_ENTRIES_64(entry, 192)}

#endif
