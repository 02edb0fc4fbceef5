/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The gateway under all the threads it has: for a thread or address sanitizer.
 *
 *     gateway_threads --endpoint ws://127.0.0.1:8300/v1/convai/conversation --agent echo --agent drop --seconds 5
 *         --media ws://127.0.0.1:8400/media/1
 *
 * So many callers (--callers) come by AudioSocket, one after the other, as Asterisk has them come and as nobody should:
 * they speak, press keys, hang up at any time, say what is no message, or do not read. Some come by connections that
 * this program has opened itself, and are answered by their own thread. Others are brought by RTP, in each of its
 * codecs, and by WebSockets to --media, where somebody imitates Asterisk. The main thread takes events and
 * answers; another one asks, tells and hangs up, whatever call there is. In the end the gateway is freed under all of
 * them. Then prints one line of JSON.
 */
#include "event_loop.h"
#include "g722.h"
#include "gateway.h"
#include "providers.h"
#include "settings.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALLERS_MAX 32
#define AGENTS_MAX 8
#define LOOPS 2

/* Threads that bring calls by RTP and WebSockets, and the ports of the former. */
#define BRINGERS 4
#define RTP_FIRST 41000
#define RTP_LAST 41100

/* A caller's frame, of 20 ms, and how often one is sent: faster than in life, so that more happens. */
#define FRAME_BYTES 320
#define FRAME_US 5000
#define FRAMES_MAX 120

static struct {
	const char *endpoint, *media;
	const char *agents[AGENTS_MAX];
	size_t agent_count, callers;
	unsigned int seconds;
} wanted = {.callers = 8, .seconds = 4};

/* Never change while there are calls. */
static struct aic_gateway *gateway;
static struct aic_gateway_agent list[AGENTS_MAX];
static struct aic_gateway_agents agents = {list, 0};
static uint16_t port;
static atomic_bool stopping;
static atomic_uint_fast64_t newest;

static struct {
	atomic_uint_fast64_t connected, opened, terminated, frames_heard, sessions, websockets;
	uint64_t arrived, ready, ended, finished, over, dropped, tool_results; /* the main thread's own */
	uint64_t answered_late; /* the operator's: what was asked of a call that was over */
} totals;

static void die(const char *what)
{
	fprintf(stderr, "gateway_threads: %s\n", what);
	exit(2);
}

/* A number below `limit`; each thread has its own row of them. */
static unsigned int any(unsigned int *seed, unsigned int limit)
{
	return (unsigned int) rand_r(seed) % limit;
}

/* --- callers --- */

static int connect_to_gateway(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address))) {
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	return fd;
}

static bool say(int fd, const void *bytes, size_t length)
{
	return send(fd, bytes, length, MSG_NOSIGNAL) == (ssize_t) length;
}

/* Reads what there is. Returns whether the gateway is still there. */
static bool hear(int fd)
{
	uint8_t bytes[4096];
	ssize_t length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (length > 0) {
		atomic_fetch_add(&totals.frames_heard, 1);
	}
	return length != 0;
}

/* Speaks until it has had enough, or the gateway has. */
static void speak(int fd, unsigned int *seed)
{
	uint8_t frame[3 + FRAME_BYTES] = {0x10, FRAME_BYTES >> 8, FRAME_BYTES & 0xff}, key[] = {3, 0, 1, '5'};
	unsigned int frames = any(seed, FRAMES_MAX), reads = any(seed, 8);

	for (size_t i = 3; i < sizeof(frame); i++) {
		frame[i] = (uint8_t) any(seed, 256);
	}
	while (frames-- && !atomic_load(&stopping)) {
		/* In pieces now and then. */
		size_t first = any(seed, 10) ? sizeof(frame) : 1 + any(seed, sizeof(frame) - 1);

		if (!say(fd, frame, first) || (first < sizeof(frame) && !say(fd, frame + first, sizeof(frame) - first))
			|| (!any(seed, 30) && !say(fd, key, sizeof(key))) || (reads && !hear(fd))) {
			atomic_fetch_add(&totals.terminated, 1);
			return;
		}
		usleep(FRAME_US);
	}
}

static void answer(uint64_t id)
{
	size_t failover[] = {(id + 1) % agents.count};
	struct aic_variable variable = {"name", "Ada"};
	struct aic_gateway_start start = {.agents = &agents, .agent = id % agents.count, .failover = failover,
		.failover_count = 1, .variables = &variable, .variable_count = 1};

	if (id % 7 == 0) {
		aic_gateway_hang_up(gateway, id);
	} else if (id % 11) {
		aic_gateway_converse(gateway, id, &start);
	}
}

/* A call of which both ends are here. */
static void call_from_here(unsigned int *seed)
{
	char error[256];
	int fd;
	uint64_t id = aic_gateway_open_audiosocket(gateway, any(seed, 2) ? 16000 : 8000, &fd, error, sizeof(error));

	if (!id) {
		usleep(FRAME_US);
		return;
	}
	atomic_fetch_add(&totals.opened, 1);
	atomic_store(&newest, id);
	answer(id);
	speak(fd, seed);
	close(fd);
}

static void *call(void *arg)
{
	unsigned int seed = (unsigned int) (uintptr_t) arg;
	uint8_t identity[3 + 16] = {1, 0, 16}, nonsense[64] = {0x7f, 0xff};

	while (!atomic_load(&stopping)) {
		int fd;

		if (!any(&seed, 4)) {
			call_from_here(&seed);
			continue;
		}
		if ((fd = connect_to_gateway()) < 0) {
			usleep(FRAME_US);
			continue;
		}
		atomic_fetch_add(&totals.connected, 1);
		for (size_t i = 3; i < sizeof(identity); i++) {
			identity[i] = (uint8_t) any(&seed, 256);
		}
		/* Nobody says anything, or what is no message, now and then. */
		if (any(&seed, 10) && say(fd, any(&seed, 10) ? identity : nonsense, sizeof(identity))) {
			speak(fd, &seed);
		}
		close(fd);
	}
	return NULL;
}

/* --- calls that are brought --- */

static struct aic_peers loopback = {
	.networks = {{.address = {[10] = 0xff, [11] = 0xff, [12] = 127}, .prefix = 104}}, .count = 1,
};


/* Some packets, in order and not, whole and not. */
static void send_packets(uint16_t to, uint8_t codec, unsigned int *seed)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(to)};
	unsigned int packets = any(seed, FRAMES_MAX);
	uint8_t packet[AIC_RTP_HEADER + FRAME_BYTES];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned int i = 0; fd >= 0 && i < packets && !atomic_load(&stopping); i++) {
		struct aic_rtp_packet header = {.payload_type = any(seed, 20) ? codec : AIC_RTP_COMFORT_NOISE,
			.sequence = (uint16_t) (i + any(seed, 3)), .timestamp = i * 160, .ssrc = 1};

		for (size_t at = AIC_RTP_HEADER; at < sizeof(packet); at++) {
			packet[at] = (uint8_t) any(seed, 256);
		}
		aic_rtp_put_header(packet, &header);
		sendto(fd, packet, any(seed, 10) ? AIC_RTP_HEADER + 160 : any(seed, sizeof(packet)), MSG_NOSIGNAL,
			(struct sockaddr *) &address, sizeof(address));
		usleep(FRAME_US);
	}
	if (fd >= 0) {
		close(fd);
	}
}

static void bring_rtp(unsigned int *seed)
{
	static const enum aic_rtp_payload_type codecs[] = {AIC_RTP_ULAW, AIC_RTP_ALAW, AIC_RTP_G722};
	enum aic_rtp_payload_type codec = codecs[any(seed, aic_g722_is_there() ? 3 : 2)];
	char error[256];
	uint16_t own;
	uint64_t id = aic_gateway_open_rtp(gateway, "127.0.0.1", RTP_FIRST, RTP_LAST, codec, &loopback, &own, error,
		sizeof(error));

	if (!id) {
		usleep(FRAME_US);
		return;
	}
	atomic_fetch_add(&totals.sessions, 1);
	answer(id);
	send_packets(own, (uint8_t) codec, seed);
	aic_gateway_hang_up(gateway, id);
}

static void bring_websocket(unsigned int *seed)
{
	char error[256];
	uint64_t id = aic_gateway_open_websocket(gateway, wanted.media, any(seed, 2) ? "127.0.0.1" : "", 16000, error,
		sizeof(error));

	if (!id) {
		usleep(FRAME_US);
		return;
	}
	atomic_fetch_add(&totals.websockets, 1);
	if (any(seed, 4)) {
		answer(id);
	}
	usleep(any(seed, FRAMES_MAX) * FRAME_US);
	if (any(seed, 4)) {
		aic_gateway_hang_up(gateway, id);
	}
}

static void *bring(void *arg)
{
	unsigned int seed = (unsigned int) (uintptr_t) arg;

	while (!atomic_load(&stopping)) {
		if (any(&seed, 2)) {
			bring_rtp(&seed);
		} else {
			bring_websocket(&seed);
		}
	}
	return NULL;
}

/* --- whoever steers --- */

static void look(struct aic_conversation *conversation, void *arg)
{
	struct aic_conversation_stats stats;

	(void) arg;
	aic_conversation_stats(conversation, &stats);
}

static void *operate(void *arg)
{
	unsigned int seed = 77;

	(void) arg;
	while (!atomic_load(&stopping)) {
		uint64_t newest_call = atomic_load(&newest), id = newest_call ? newest_call - any(&seed, 12) : 0;
		int result = 0;

		switch (any(&seed, 13)) {
		case 0:
			result = aic_gateway_end(gateway, id, AIC_STATUS_COMPLETED, "enough");
			break;
		case 1:
			result = aic_gateway_hang_up(gateway, id);
			break;
		case 2:
		case 3:
			result = aic_gateway_context(gateway, id, "The parcel is in Brno.");
			break;
		case 12:
			result = aic_gateway_expect(gateway, id, 16000);
			break;
		case 4:
			aic_gateway_enter_state(gateway, id, "none");
			break;
		default:
			result = aic_gateway_query(gateway, id, look, NULL);
			break;
		}
		totals.answered_late += result != 0;
		usleep(2000);
	}
	return NULL;
}

static void take(const struct aic_gateway_event *event)
{
	totals.dropped += event->dropped;
	switch (event->type) {
	case AIC_GATEWAY_ARRIVED:
		totals.arrived++;
		atomic_store(&newest, event->call);
		answer(event->call);
		break;
	case AIC_GATEWAY_CONVERSATION:
		totals.ready += event->conversation->type == AIC_EVENT_READY;
		totals.ended += event->conversation->type == AIC_EVENT_ENDED;
		if (event->conversation->type == AIC_EVENT_TOOL_CALL) {
			totals.tool_results += !aic_gateway_tool_result(gateway, event->call, event->conversation->tool_call.id,
				"done", false, false);
		}
		break;
	case AIC_GATEWAY_FINISHED:
		totals.finished++;
		aic_gateway_hang_up(gateway, event->call);
		break;
	case AIC_GATEWAY_OVER:
		totals.over++;
		break;
	case AIC_GATEWAY_BEGUN:
	case AIC_GATEWAY_HEARD:
	case AIC_GATEWAY_LOG:
		break;
	}
}

/* Takes what there is; waits for something so long. */
static void take_events(int ms)
{
	struct pollfd events = {.fd = aic_gateway_events_fd(gateway), .events = POLLIN};
	struct aic_gateway_event *event;

	poll(&events, 1, ms);
	while ((event = aic_gateway_next_event(gateway))) {
		take(event);
		aic_gateway_event_free(event);
	}
}

/* --- set-up --- */

static void on_problem(void *user, const char *problem)
{
	(void) user;
	die(problem);
}

static void read_settings(struct aic_settings *settings, const char *agent)
{
	struct aic_settings general;
	const struct aic_option_line lines[] = {{"-", 1, "agent_id", agent}, {"-", 2, "conversation_endpoint",
		wanted.endpoint}, {"-", 3, "max_connection_attempts", "1"}, {"-", 4, "audio_frames_buffer_ms", "20"}};

	if (aic_settings_init(&general) || aic_settings_init(settings)) {
		die("out of memory");
	}
	aic_settings_read_agent(settings, &general, agent, lines, sizeof(lines) / sizeof(lines[0]), on_problem, NULL);
	aic_settings_free(&general);
}

static void read_arguments(int argc, char **argv)
{
	static const struct option options[] = {{"endpoint", required_argument, NULL, 'e'},
		{"agent", required_argument, NULL, 'a'}, {"callers", required_argument, NULL, 'c'},
		{"seconds", required_argument, NULL, 's'}, {"media", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e':
			wanted.endpoint = optarg;
			break;
		case 'm':
			wanted.media = optarg;
			break;
		case 'a':
			if (wanted.agent_count == AGENTS_MAX) {
				die("too many agents");
			}
			wanted.agents[wanted.agent_count++] = optarg;
			break;
		case 'c':
			wanted.callers = strtoul(optarg, NULL, 10);
			break;
		case 's':
			wanted.seconds = (unsigned int) strtoul(optarg, NULL, 10);
			break;
		default:
			exit(2);
		}
	}
	if (!wanted.endpoint || !wanted.media || !wanted.agent_count || !wanted.callers || wanted.callers > CALLERS_MAX) {
		die("expected --endpoint URL, --media URL, --agent ID, and at most 32 --callers");
	}
}

int main(int argc, char **argv)
{
	static struct aic_settings settings[AGENTS_MAX];
	pthread_t callers[CALLERS_MAX], bringers[BRINGERS], operator_thread;
	char error[256];
	uint64_t end_us;
	int found = -1;

	read_arguments(argc, argv);
	for (; agents.count < wanted.agent_count; agents.count++) {
		read_settings(&settings[agents.count], wanted.agents[agents.count]);
		list[agents.count] = (struct aic_gateway_agent) {wanted.agents[agents.count], {.provider
			= aic_provider_of(settings[agents.count].provider), .settings = &settings[agents.count]}};
	}
	if (!(gateway = aic_gateway_new(LOOPS, (unsigned int) wanted.callers + BRINGERS, error, sizeof(error)))
		|| (found = aic_gateway_listen(gateway, "127.0.0.1", 0, &loopback, error, sizeof(error))) < 0) {
		die(error);
	}
	port = (uint16_t) found;
	if (pthread_create(&operator_thread, NULL, operate, NULL)) {
		die("a thread could not be started");
	}
	for (size_t i = 0; i < wanted.callers; i++) {
		if (pthread_create(&callers[i], NULL, call, (void *) (uintptr_t) (i + 1))) {
			die("a thread could not be started");
		}
	}
	for (size_t i = 0; i < BRINGERS; i++) {
		if (pthread_create(&bringers[i], NULL, bring, (void *) (uintptr_t) (CALLERS_MAX + i))) {
			die("a thread could not be started");
		}
	}
	end_us = aic_now_us() + wanted.seconds * UINT64_C(1000000);
	while (aic_now_us() < end_us) {
		take_events(20);
	}
	atomic_store(&stopping, true);
	pthread_join(operator_thread, NULL);
	for (size_t i = 0; i < BRINGERS; i++) {
		pthread_join(bringers[i], NULL);
	}
	take_events(0);
	/* While callers are still there. */
	aic_gateway_free(gateway);
	for (size_t i = 0; i < wanted.callers; i++) {
		pthread_join(callers[i], NULL);
	}
	for (size_t i = 0; i < agents.count; i++) {
		aic_settings_free(&settings[i]);
	}
	printf("{\"connected\": %" PRIu64 ", \"opened\": %" PRIu64 ", \"terminated\": %" PRIu64 ", \"frames_heard\": %"
		PRIu64 ", \"arrived\": %" PRIu64 ", \"ready\": %" PRIu64 ", \"ended\": %" PRIu64 ", \"finished\": %" PRIu64
		", \"over\": %" PRIu64 ", \"dropped\": %" PRIu64 ", \"tool_results\": %" PRIu64 ", \"answered_late\": %" PRIu64
		", \"sessions\": %" PRIu64 ", \"websockets\": %" PRIu64 "}\n",
		(uint64_t) totals.connected, (uint64_t) totals.opened, (uint64_t) totals.terminated,
		(uint64_t) totals.frames_heard, totals.arrived, totals.ready, totals.ended, totals.finished, totals.over,
		totals.dropped, totals.tool_results, totals.answered_late, (uint64_t) totals.sessions,
		(uint64_t) totals.websockets);
	return 0;
}
