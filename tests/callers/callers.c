/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Callers of measurements: SIP calls whose packets come at times that have nothing to do with each other, as those of
 * telephones do, and that hear what they are told.
 *
 *     callers --target HOST:PORT --extension NAME[,NAME...] --speech FILE [--calls N] [--rate N] [--seconds N]
 *             [--seed N] [--address HOST] [--realtime] [--churn-extension NAME --churn-rate N --churn-seconds N]
 *
 * Every call has a place of its own in the 20 ms, made of the seed, and absolute deadlines. Prints facts as lines of
 * JSON: "ready", "up" when every call is up or has failed, "failed" and "ended" of each call, "mark" for each line
 * that comes on standard input (what there was since the line before), and "totals". When its standard input ends, or
 * after --seconds, it hangs up and ends.
 */
#include "media.h"
#include "process.h"
#include "round.h"
#include "sip_socket.h"
#include "call_facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Two sockets a call. */
#define DESCRIPTORS 65536

#define CALLS_MAX 20000

static const char usage[] = "usage: callers --target HOST:PORT --extension NAME[,NAME...] --speech FILE [options]\n"
	"  --target HOST:PORT      whom to call: an IPv4 address and the port of its SIP over UDP\n"
	"  --extension NAME,...    what to call; with several, calls take them by turns\n"
	"  --speech FILE           what callers say, each from a place of its own: raw mu-law, 8 kHz\n"
	"  --calls N               calls that stay (1)\n"
	"  --rate N                set-ups of them a second (50)\n"
	"  --seconds N             they stay, once all are up; without it until standard input ends\n"
	"  --seed N                of the calls' places and numbers (1)\n"
	"  --address HOST          own IPv4 address (127.0.0.1)\n"
	"  --realtime              run before everything else, where the system allows it: packets of telephones do not\n"
	"                          wait for a processor either\n"
	"  --hold                  calls that stay are put on hold by us, and stay so\n"
	"  --churn-extension NAME  what calls that come and go call, while the others stay\n"
	"  --churn-rate N          set-ups of them a second\n"
	"  --churn-seconds N       each of them lasts\n"
	"A line on standard input asks for a mark; its end ends the calls.\n";

static int complain(const char *option, const char *problem)
{
	fprintf(stderr, "callers: --%s: %s\n%s", option, problem, usage);
	return -1;
}

static int read_number(const char *option, const char *text, double least, double most, double *number)
{
	char *end, problem[80];

	*number = strtod(text, &end);
	if (end == text || *end || !(*number >= least) || !(*number <= most)) {
		snprintf(problem, sizeof(problem), "expected a number from %g to %g", least, most);
		return complain(option, problem);
	}
	return 0;
}

static int read_target(char *text, struct sockaddr_in *target)
{
	char *colon = strrchr(text, ':');
	double port;

	if (!colon || read_number("target", colon + 1, 1, 65535, &port)) {
		return colon ? -1 : complain("target", "expected HOST:PORT");
	}
	*colon = '\0';
	*target = (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons((in_port_t) port)};
	return inet_pton(AF_INET, text, &target->sin_addr) == 1 ? 0 : complain("target", "expected an IPv4 address");
}

static int read_extensions(char *text, struct round_plan *plan)
{
	char *rest = NULL;

	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		if (plan->extension_count == ROUND_EXTENSIONS_MAX) {
			return complain("extension", "at most 32");
		}
		plan->extensions[plan->extension_count++] = one;
	}
	return 0;
}

/* Waits for what comes next and does it. */
static void run(void)
{
	struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = sip_socket.descriptor, .events = POLLIN}};

	while (!round_is_over()) {
		uint64_t now = now_us(), first_us = timers_first_us(), wait_us = first_us > now ? first_us - now : 0;
		struct timespec wait = {(time_t) (wait_us / 1000000), (long) (wait_us % 1000000) * 1000};
		int ready = ppoll(watched, sizeof(watched) / sizeof(watched[0]), first_us ? &wait : NULL, NULL);

		timers_run(now_us());
		if (ready > 0 && watched[1].revents) {
			round_take_messages();
		}
		if (ready > 0 && watched[0].revents) {
			size_t lines = 0;
			int ended = process_read_input(&lines);

			while (lines--) {
				round_mark();
			}
			if (ended) {
				watched[0].fd = -1;
				round_end();
			}
		}
	}
}

/* Where it is not allowed it shows in how late packets leave. */
static void run_first(void)
{
	struct sched_param priority = {.sched_priority = 1};

	sched_setscheduler(0, SCHED_RR, &priority);
}

static int call_all(const struct round_plan *plan, const struct in_addr *own, const struct sockaddr_in *target)
{
	uint64_t failed;

	process_allow_descriptors(DESCRIPTORS);
	/* Else the kernel may wake us up 50 us late. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	if (sip_socket_open(own, target)) {
		return EXIT_FAILURE;
	}
	call_facts_ready(sip_socket.own_address);
	round_begin(plan);
	run();
	failed = round_close();
	sip_socket_close();
	timers_free();
	return failed ? 3 : EXIT_SUCCESS;
}

/* Returns 0, or -1 after lines on standard error. */
static int check(const struct round_plan *plan, const struct sockaddr_in *target, const char *speech)
{
	if (!target->sin_port) {
		return complain("target", "is missing");
	}
	if (!speech) {
		return complain("speech", "is missing");
	}
	if (plan->calls && !plan->extension_count) {
		return complain("extension", "is missing");
	}
	if ((plan->churn_rate > 0) != (plan->churn_extension != NULL)
		|| (plan->churn_rate > 0) != (plan->churn_seconds > 0)) {
		return complain("churn-rate", "--churn-extension, --churn-rate and --churn-seconds go together");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"target", required_argument, NULL, 't'},
		{"extension", required_argument, NULL, 'e'},
		{"speech", required_argument, NULL, 'S'},
		{"calls", required_argument, NULL, 'c'},
		{"rate", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'x'},
		{"address", required_argument, NULL, 'a'},
		{"realtime", no_argument, NULL, 'p'},
		{"hold", no_argument, NULL, 'H'},
		{"churn-extension", required_argument, NULL, 'E'},
		{"churn-rate", required_argument, NULL, 'R'},
		{"churn-seconds", required_argument, NULL, 'L'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct round_plan plan = {.calls = 1, .rate = 50, .seed = 1};
	struct in_addr own = {.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in target = {0};
	const char *speech = NULL;
	bool realtime = false;
	int option, index = 0, failed = 0, status;
	double number;

	while (!failed && (option = getopt_long(argc, argv, "", options, &index)) != -1) {
		const char *name = options[index].name;

		switch (option) {
		case 't':
			failed = read_target(optarg, &target);
			break;
		case 'e':
			failed = read_extensions(optarg, &plan);
			break;
		case 'S':
			speech = optarg;
			break;
		case 'c':
			failed = read_number(name, optarg, 0, CALLS_MAX, &number);
			plan.calls = (size_t) number;
			break;
		case 'r':
			failed = read_number(name, optarg, 0.1, 10000, &plan.rate);
			break;
		case 's':
			failed = read_number(name, optarg, 0.001, 1e6, &plan.seconds);
			break;
		case 'x':
			failed = read_number(name, optarg, 0, 1e9, &number);
			plan.seed = (uint64_t) number;
			break;
		case 'a':
			failed = inet_pton(AF_INET, optarg, &own) == 1 ? 0 : complain(name, "expected an IPv4 address");
			break;
		case 'p':
			realtime = true;
			break;
		case 'H':
			plan.hold = true;
			break;
		case 'E':
			plan.churn_extension = optarg;
			break;
		case 'R':
			failed = read_number(name, optarg, 0.01, 1000, &plan.churn_rate);
			break;
		case 'L':
			failed = read_number(name, optarg, 0.01, 1e6, &plan.churn_seconds);
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc && !failed) {
		fprintf(stderr, "callers: too many arguments\n%s", usage);
		return 2;
	}
	if (failed || check(&plan, &target, speech)) {
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (media_load_speech(speech)) {
		return EXIT_FAILURE;
	}
	if (realtime) {
		run_first();
	}
	status = call_all(&plan, &own, &target);
	media_free_speech();
	return status;
}
