/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The module: what is started when it is loaded, in which order, and stopped when it is unloaded.
 */
#include "asterisk.h"

#include "asterisk/ast_version.h"
#include "asterisk/astobj2.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"

#include "agent_trial.h"
#include "agents.h"
#include "application.h"
#include "built_for.h"
#include "call_function.h"
#include "cli.h"
#include "closed_agents.h"
#include "dialplan_threads.h"
#include "event_publisher.h"
#include "journal.h"
#include "manager_actions.h"
#include "network.h"
#include "output.h"
#include "patient_writer.h"
#include "session.h"
#include "sessions.h"
#include "state_application.h"
#include "tool_function.h"

#include <unistd.h>

/* More threads than this carry calls only where the configuration says so. */
#define THREADS_MAX 4

/* Stops what comes before the patient writer. Each is harmless where it was not started. */
static void stop_first(void)
{
	dialplan_threads_stop();
	/* Behind all that hands over events: what waits is told first. */
	event_publisher_stop();
	/* Which hands over calls that are over. */
	journal_stop();
	sessions_stop();
	closed_agents_clear();
	agents_unload();
}

/* Stops what load_module() started, from the last on. */
static void stop_threads(void)
{
	agent_trials_stop();
	network_stop();
	patient_writer_stop();
	stop_first();
}

static void unregister_all(void)
{
	tool_function_unregister();
	call_function_unregister();
	state_application_unregister();
	application_unregister();
	manager_actions_unregister();
	cli_unregister();
}

/* Returns 0, or -1 when something could not be registered. */
static int register_all(void)
{
	return cli_register() || manager_actions_register() || application_register() || state_application_register()
		|| call_function_register() || tool_function_register() ? -1 : 0;
}

static int unload_module(void)
{
	/* A forced unload ignores the use count that every session holds. */
	if (sessions_alive()) {
		log_line(LOG_WARNING, "app_aiconvai is not unloaded: %d conversations are still under way", sessions_alive());
		return -1;
	}
	unregister_all();
	if (sessions_alive()) {
		/* A call began just before its application was taken away. */
		register_all();
		return -1;
	}
	stop_threads();
	return 0;
}

/* As the option says, or, where it leaves it to us, one for each core. */
static int configured_threads(void)
{
	struct configuration *configuration = agents_configuration();
	int threads = configuration ? configuration->general.network_threads : 0;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	ao2_cleanup(configuration);
	return threads ? threads : (int) MAX(1, MIN(cores, THREADS_MAX));
}

/* For who looks at the file and does not load it, as `aiconvai doctor`. */
static const char stamp[] __attribute__((used)) = "aiconvai-built-for-asterisk=" AIC_ASTERISK_VERSION;

/*
 * Whether this is the Asterisk that the module was built for: structures and functions change from one major version to
 * the next, and nothing else tells. True where it is not known for which it was built.
 */
static bool is_our_asterisk(void)
{
	/* As ast_get_version_num() has it: the major version, and four digits. */
	long running = strtol(ast_get_version_num(), NULL, 10) / 10000;
	long built_for = strtol(AIC_ASTERISK_VERSION, NULL, 10);

	/* 999999 stands for a version under development, which has no number. */
	if (!built_for || running == built_for || running == 99) {
		return true;
	}
	log_line(LOG_ERROR, "app_aiconvai was built for Asterisk %s and is not loaded into Asterisk %s: build it with the "
		"headers "
		"of that very Asterisk (see BUILD_INSTRUCTIONS.md)", AIC_ASTERISK_VERSION, ast_get_version());
	return false;
}

/* DECLINE and not FAILURE in every case: FAILURE would end Asterisk itself at start-up. */
static int load_module(void)
{
	if (!is_our_asterisk()) {
		return AST_MODULE_LOAD_DECLINE;
	}
	if (agents_load(-1)) {
		log_line(LOG_ERROR, "app_aiconvai has no agents until the configuration is mended: then use 'aiconvai reload'");
		if (agents_load_nothing()) {
			return AST_MODULE_LOAD_DECLINE;
		}
	}
	if (sessions_start() || journal_start() || event_publisher_start() || dialplan_threads_start()
		|| patient_writer_start()) {
		stop_first();
		return AST_MODULE_LOAD_DECLINE;
	}
	if (network_start(configured_threads())) {
		patient_writer_stop();
		stop_first();
		return AST_MODULE_LOAD_DECLINE;
	}
	if (register_all()) {
		unregister_all();
		stop_threads();
		return AST_MODULE_LOAD_DECLINE;
	}
	return AST_MODULE_LOAD_SUCCESS;
}

static int reload_module(void)
{
	return agents_load(-1);
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_DEFAULT, "Conversations with a voice AI",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
	.reload = reload_module,
	.load_pri = AST_MODPRI_DEFAULT,
);
