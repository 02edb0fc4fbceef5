/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/channel.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "dialplan_place.h"

int dialplan_place_of(const char *text, struct dialplan_place *place)
{
	char copy[AST_MAX_CONTEXT + AST_MAX_EXTENSION + 32];
	AST_DECLARE_APP_ARGS(args,
		AST_APP_ARG(context);
		AST_APP_ARG(extension);
		AST_APP_ARG(priority);
		AST_APP_ARG(rest);
	);

	/* More than fits is no place either. */
	ast_copy_string(copy, text, sizeof(copy));
	AST_STANDARD_APP_ARGS(args, copy);
	ast_copy_string(place->context, ast_strip(S_OR(args.context, "")), sizeof(place->context));
	ast_copy_string(place->extension, S_OR(args.extension, "s"), sizeof(place->extension));
	place->priority = atoi(S_OR(args.priority, "1"));
	return place->context[0] && place->priority > 0 && !args.rest && strlen(text) < sizeof(copy) ? 0 : -1;
}
