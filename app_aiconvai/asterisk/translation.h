/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A path of Asterisk's translators that is kept from frame to frame, with what its decoder and encoder remember, and is
 * made anew where the formats change. Not thread-safe.
 */
#ifndef AIC_TRANSLATION_H
#define AIC_TRANSLATION_H

#include <stdbool.h>

struct ast_format;
struct ast_trans_pvt;

struct translation {
	struct ast_format *from, *to; /* owned references; NULL: nothing was translated yet */
	struct ast_trans_pvt *path;   /* owned; NULL: there is none between them */
};

/* Has the path between those formats. Returns whether they were others before: to be told once where there is none. */
bool translation_choose(struct translation *translation, struct ast_format *from, struct ast_format *to);

/* Whether both are there, and are the same format, so that nothing is to be translated. */
bool translation_is_same(const struct ast_format *one, const struct ast_format *other);

void translation_drop(struct translation *translation);

#endif
