/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/format.h"
#include "asterisk/translate.h"

#include "translation.h"

bool translation_is_same(const struct ast_format *one, const struct ast_format *other)
{
	return one && other && ast_format_cmp(one, other) == AST_FORMAT_CMP_EQUAL;
}

bool translation_choose(struct translation *translation, struct ast_format *from, struct ast_format *to)
{
	if (translation_is_same(translation->from, from) && translation_is_same(translation->to, to)) {
		return false;
	}
	translation_drop(translation);
	translation->from = ao2_bump(from);
	translation->to = ao2_bump(to);
	translation->path = ast_translator_build_path(to, from);
	return true;
}

void translation_drop(struct translation *translation)
{
	if (translation->path) {
		ast_translator_free_path(translation->path);
	}
	ao2_cleanup(translation->from);
	ao2_cleanup(translation->to);
	*translation = (struct translation) {.path = NULL};
}
