/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "loop_timers.h"

#include "timers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

static uint64_t armed_us; /* what the timerfd is set to; 0: nothing */
static int timer_fd = -1;
static uv_poll_t poll_handle;

static void arm(uint64_t first_us)
{
	struct itimerspec when = {0};

	if (first_us == armed_us) {
		return;
	}
	armed_us = first_us;
	when.it_value.tv_sec = (time_t) (first_us / 1000000);
	when.it_value.tv_nsec = (long) (first_us % 1000000) * 1000;
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_timerfd(uv_poll_t *handle, int status, int events)
{
	uint64_t expirations, now = now_us();

	/* It may have been moved on meanwhile: then there is nothing to read. */
	if (read(timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN) {
		perror("far_end: read from the timer");
	}
	armed_us = 0;
	timers_run(now);
}

int loop_timers_open(uv_loop_t *loop)
{
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer_fd < 0 || uv_poll_init(loop, &poll_handle, timer_fd) || uv_poll_start(&poll_handle, UV_READABLE,
		on_timerfd)) {
		fprintf(stderr, "far_end: no timer can be had: %s\n", strerror(errno));
		return -1;
	}
	timers_on_change(arm);
	return 0;
}

void loop_timers_close(void)
{
	timers_on_change(NULL);
	uv_close((uv_handle_t *) &poll_handle, NULL);
}

void loop_timers_free(void)
{
	close(timer_fd);
	timers_free();
}
