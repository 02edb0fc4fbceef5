/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The far end of measurements: what a call is connected to, made so that it is never what limits the measurement.
 *
 *     far_end [--certificate FILE --key FILE] [--speech FILE] [--address HOST] [--answer-spread-ms N]
 *
 * Serves at one address AI services (services/), each at its own path (agents: see agent.h), Asterisk's
 * chan_websocket and its AudioSocket. Prints the ports as a line of JSON, then further facts as they happen; when its
 * standard input ends it prints what it counted and ends.
 */
#include "answers.h"
#include "facts.h"
#include "json_values.h"
#include "loop_timers.h"
#include "outgoing.h"
#include "process.h"
#include "server.h"
#include "speech.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Descriptors, so connections: libwebsockets has a table of as many as the process may open. */
#define DESCRIPTORS 8192

#define SPREAD_MS_MAX 1000

static const char usage[] = "usage: far_end [--certificate FILE --key FILE] [--speech FILE] [options]\n"
	"  --certificate FILE  serve TLS too, with this certificate (PEM)\n"
	"  --key FILE          its private key (PEM)\n"
	"  --speech FILE       what agents say: raw mu-law, 8 kHz\n"
	"  --address HOST      IPv4 address to serve at (127.0.0.1)\n"
	"  --answer-spread-ms N\n"
	"                      each connection's echoes are up to so much later than what they answer, by a time of\n"
	"                      their own, and speech that is streamed begins so much later (0)\n"
	"Ends when its standard input ends.\n";

static uv_loop_t loop;
static uv_poll_t input;
static bool watching;

static void on_input(uv_poll_t *handle, int status, int events)
{
	if (status || process_read_input(NULL)) {
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

static int serve(const char *address, const char *certificate, const char *key)
{
	struct server_ports ports;
	int failed;

	process_allow_descriptors(DESCRIPTORS);
	if (uv_loop_init(&loop)) {
		fprintf(stderr, "far_end: no event loop can be had: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	if (loop_timers_open(&loop)) {
		return EXIT_FAILURE;
	}
	failed = server_open(&loop, address, certificate, key, &ports);
	if (!failed) {
		facts_ports(ports.ws, ports.wss, ports.audiosocket);
		if (!watch_input()) {
			uv_run(&loop, UV_RUN_DEFAULT);
		}
	}
	server_close();
	loop_timers_close();
	if (watching) {
		uv_close((uv_handle_t *) &input, NULL);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	loop_timers_free();
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
		{"address", required_argument, NULL, 'a'},
		{"answer-spread-ms", required_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *certificate = NULL, *key = NULL, *speech = NULL, *address = "127.0.0.1";
	unsigned long spread_ms;
	int option, status;
	char *end;

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
		case 'a':
			address = optarg;
			break;
		case 'w':
			spread_ms = strtoul(optarg, &end, 10);
			if (end == optarg || *end || spread_ms > SPREAD_MS_MAX) {
				fprintf(stderr, "far_end: --answer-spread-ms: expected 0 to %d\n%s", SPREAD_MS_MAX, usage);
				return 2;
			}
			answers_set_spread((uint32_t) spread_ms);
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
	status = serve(address, certificate, key);
	json_values_end();
	outgoing_free_scratch();
	speech_free();
	return status;
}
