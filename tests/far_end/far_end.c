/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The far end of measurements: what a call is connected to, made so that it is never what limits the measurement.
 *
 *     far_end [--certificate FILE --key FILE] [--speech FILE]
 *
 * Serves on ports of 127.0.0.1 AI services (services/), each at its own path (agents: see agent.h), Asterisk's
 * chan_websocket and its AudioSocket. Prints the ports as a line of JSON, then further facts as they happen; when its
 * standard input ends it prints what it counted and ends.
 */
#include "facts.h"
#include "json_values.h"
#include "outgoing.h"
#include "server.h"
#include "speech.h"
#include "timers.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

/* Descriptors, so connections: libwebsockets has a table of as many as the process may open. */
#define DESCRIPTORS 8192

static const char usage[] = "usage: far_end [--certificate FILE --key FILE] [--speech FILE]\n"
	"  --certificate FILE  serve TLS too, with this certificate (PEM)\n"
	"  --key FILE          its private key (PEM)\n"
	"  --speech FILE       what agents say: raw mu-law, 8 kHz\n"
	"Ends when its standard input ends.\n";

static uv_loop_t loop;
static uv_poll_t input;
static bool watching;

/* Returns whether standard input has ended; what comes is of no interest. */
static bool input_ended(void)
{
	char ignored[4096];
	ssize_t length;

	do {
		length = read(STDIN_FILENO, ignored, sizeof(ignored));
	} while (length > 0 || (length < 0 && errno == EINTR));
	return !length || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void on_input(uv_poll_t *handle, int status, int events)
{
	if (status || input_ended()) {
		uv_stop(handle->loop);
	}
}

/* Returns 0, or -1 when there is nothing to wait for: a file, or /dev/null. */
static int watch_input(void)
{
	if (uv_poll_init(&loop, &input, STDIN_FILENO)) {
		return -1;
	}
	watching = true;
	return uv_poll_start(&input, UV_READABLE | UV_DISCONNECT, on_input);
}

static void limit_descriptors(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int serve(const char *certificate, const char *key)
{
	struct server_ports ports;
	int failed;

	limit_descriptors();
	if (uv_loop_init(&loop)) {
		fprintf(stderr, "far_end: no event loop can be had: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	if (timers_open(&loop)) {
		return EXIT_FAILURE;
	}
	failed = server_open(&loop, certificate, key, &ports);
	if (!failed) {
		facts_ports(ports.ws, ports.wss, ports.audiosocket);
		if (!watch_input()) {
			uv_run(&loop, UV_RUN_DEFAULT);
		}
	}
	server_close();
	timers_close();
	if (watching) {
		uv_close((uv_handle_t *) &input, NULL);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	timers_free();
	if (failed) {
		return EXIT_FAILURE;
	}
	facts_totals();
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"certificate", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"speech", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *certificate = NULL, *key = NULL, *speech = NULL;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			certificate = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 's':
			speech = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc || !certificate != !key) {
		fprintf(stderr, "far_end: %s\n%s", optind < argc ? "too many arguments" : "--certificate and --key go together",
			usage);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (speech && speech_load(speech)) {
		return EXIT_FAILURE;
	}
	status = serve(certificate, key);
	json_values_end();
	outgoing_free_scratch();
	speech_free();
	return status;
}
