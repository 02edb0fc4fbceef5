/*
 * A module that does to Asterisk what others do to it on a bad day: "hinder CHANNEL MS" holds a channel's lock for so
 * long, on a thread of its own, and "hindermanagers MS" the lock of what all that managers are told goes through; the
 * switch Slow/MS says of the extension 200 that it is there, and takes so long to say it.
 */
#define AST_MODULE "hinder"
#define AST_MODULE_SELF_SYM __internal_hinder_self

#include "asterisk.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/cli.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/utils.h"

struct hold {
	struct ast_channel *channel;
	int ms;
};

static void *hold(void *arg)
{
	struct hold *hold = arg;

	ast_channel_lock(hold->channel);
	usleep(1000 * hold->ms);
	ast_channel_unlock(hold->channel);
	ast_channel_unref(hold->channel);
	ast_free(hold);
	return NULL;
}

static char *hinder(struct ast_cli_entry *entry, int command, struct ast_cli_args *arguments)
{
	struct ast_channel *channel;
	struct hold *what;
	pthread_t thread;

	switch (command) {
	case CLI_INIT:
		entry->command = "hinder";
		entry->usage = "Usage: hinder CHANNEL MS\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	default:
		break;
	}
	if (arguments->argc != 3 || !(channel = ast_channel_get_by_name(arguments->argv[1]))) {
		return CLI_SHOWUSAGE;
	}
	what = ast_calloc(1, sizeof(*what));
	what->channel = channel;
	what->ms = atoi(arguments->argv[2]);
	ast_pthread_create_detached(&thread, NULL, hold, what);
	ast_cli(arguments->fd, "held\n");
	return CLI_SUCCESS;
}

static void *hold_managers(void *arg)
{
	struct stasis_topic *topic = ast_manager_get_topic();

	ao2_lock(topic);
	usleep(1000 * (intptr_t) arg);
	ao2_unlock(topic);
	return NULL;
}

static char *hinder_managers(struct ast_cli_entry *entry, int command, struct ast_cli_args *arguments)
{
	pthread_t thread;

	switch (command) {
	case CLI_INIT:
		entry->command = "hindermanagers";
		entry->usage = "Usage: hindermanagers MS\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	default:
		break;
	}
	if (arguments->argc != 2) {
		return CLI_SHOWUSAGE;
	}
	ast_pthread_create_detached(&thread, NULL, hold_managers, (void *) (intptr_t) atoi(arguments->argv[1]));
	ast_cli(arguments->fd, "held\n");
	return CLI_SUCCESS;
}

static int is_there(struct ast_channel *channel, const char *context, const char *extension, int priority,
	const char *caller, const char *data)
{
	usleep(1000 * atoi(data));
	return priority == 1 && !strcmp(extension, "200");
}

static int can_match(struct ast_channel *channel, const char *context, const char *extension, int priority,
	const char *caller, const char *data)
{
	return 0;
}

/* Waits for the hang-up. */
static int run(struct ast_channel *channel, const char *context, const char *extension, int priority,
	const char *caller, const char *data)
{
	ast_verb(3, "The switch Slow has the call\n");
	ast_safe_sleep(channel, 60000);
	return -1;
}

static struct ast_switch slow = {.name = "Slow", .description = "Takes its time", .exists = is_there,
	.canmatch = can_match, .matchmore = can_match, .exec = run};

static struct ast_cli_entry entries[] = {
	AST_CLI_DEFINE(hinder, "Hold a channel's lock"),
	AST_CLI_DEFINE(hinder_managers, "Hold up what managers are told"),
};

static int load_module(void)
{
	return ast_cli_register_multiple(entries, ARRAY_LEN(entries)) || ast_register_switch(&slow)
		? AST_MODULE_LOAD_DECLINE : AST_MODULE_LOAD_SUCCESS;
}

static int unload_module(void)
{
	ast_unregister_switch(&slow);
	return ast_cli_unregister_multiple(entries, ARRAY_LEN(entries));
}

AST_MODULE_INFO_STANDARD_EXTENDED(ASTERISK_GPL_KEY, "Hindrances on demand");
