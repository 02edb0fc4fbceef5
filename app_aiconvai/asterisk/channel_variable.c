/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/pbx.h"
#include "asterisk/utils.h"

#include "channel_variable.h"
#include "locks.h"

char *channel_variable_copy(struct ast_channel *channel, const char *name)
{
	const char *value;
	char *copy;

	channel_lock(channel);
	value = pbx_builtin_getvar_helper(channel, name);
	copy = value ? ast_strdup(value) : NULL;
	channel_unlock(channel);
	return copy;
}
