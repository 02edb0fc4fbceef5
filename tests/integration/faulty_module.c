/*
 * A module with faults on demand, which the rig's tests must see reported: "faulty overrun" writes past a heap block,
 * "faulty hold" takes a reference to the module that nobody gives back, "faulty leak" leaves a descriptor open.
 */
#define AST_MODULE "app_aiconvai"
#define AST_MODULE_SELF_SYM __internal_app_aiconvai_self

#include "asterisk.h"

#include <fcntl.h>
#include <stdlib.h>

#include "asterisk/cli.h"
#include "asterisk/module.h"

static char *faulty(struct ast_cli_entry *entry, int command, struct ast_cli_args *arguments)
{
	static const char *const words[] = { "overrun", "hold", "leak", "forget", NULL };

	switch (command) {
	case CLI_INIT:
		entry->command = "faulty {overrun|hold|leak|forget}";
		entry->usage = "Usage: faulty overrun|hold|leak|forget\n";
		return NULL;
	case CLI_GENERATE:
		return arguments->pos == 1 ? ast_cli_complete(arguments->word, words, arguments->n) : NULL;
	default:
		break;
	}
	switch (arguments->argv[1][0]) {
	case 'o': {
		volatile char *block = (malloc)(16);

		block[16] = 1;
		(free)((void *) block);
		break;
	}
	case 'h':
		ast_module_ref(AST_MODULE_SELF);
		break;
	case 'f': {
		volatile char *block = (malloc)(16);

		block[0] = 1;
		break;
	}
	default:
		ast_cli(arguments->fd, "descriptor %d\n", open("/dev/null", O_RDONLY));
		break;
	}
	return CLI_SUCCESS;
}

static struct ast_cli_entry entries[] = { AST_CLI_DEFINE(faulty, "Commit a fault") };

static int load_module(void)
{
	return ast_cli_register_multiple(entries, ARRAY_LEN(entries)) ? AST_MODULE_LOAD_DECLINE : AST_MODULE_LOAD_SUCCESS;
}

static int unload_module(void)
{
	return ast_cli_unregister_multiple(entries, ARRAY_LEN(entries));
}

AST_MODULE_INFO_STANDARD_EXTENDED(ASTERISK_GPL_KEY, "Faults on demand");
