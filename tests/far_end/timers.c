/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A binary heap of pointers; the timerfd is set to its first deadline.
 */
#include "timers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static struct timer **heap; /* from 1 */
static size_t count, capacity;
static uint64_t armed_us; /* what the timerfd is set to; 0: nothing */
static int timer_fd = -1;
static uv_poll_t poll_handle;

uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static void put(size_t place, struct timer *timer)
{
	heap[place] = timer;
	timer->place = place;
}

/* Puts `timer` where it belongs, from the free `place` on towards either end. */
static void settle(size_t place, struct timer *timer)
{
	while (place > 1 && timer->due_us < heap[place / 2]->due_us) {
		put(place, heap[place / 2]);
		place /= 2;
	}
	for (;;) {
		size_t child = place * 2;

		if (child > count) {
			break;
		}
		if (child < count && heap[child + 1]->due_us < heap[child]->due_us) {
			child++;
		}
		if (heap[child]->due_us >= timer->due_us) {
			break;
		}
		put(place, heap[child]);
		place = child;
	}
	put(place, timer);
}

static void take_out(struct timer *timer)
{
	size_t place = timer->place;
	struct timer *last = heap[count--];

	timer->place = 0;
	if (last != timer) {
		settle(place, last);
	}
}

static void arm(void)
{
	uint64_t first_us = count ? heap[1]->due_us : 0;
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
	while (count && heap[1]->due_us <= now) {
		struct timer *timer = heap[1];

		take_out(timer);
		timer->run(timer->arg);
	}
	arm();
}

int timers_open(uv_loop_t *loop)
{
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer_fd < 0 || uv_poll_init(loop, &poll_handle, timer_fd) || uv_poll_start(&poll_handle, UV_READABLE,
		on_timerfd)) {
		fprintf(stderr, "far_end: no timer can be had: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

void timers_close(void)
{
	uv_close((uv_handle_t *) &poll_handle, NULL);
}

void timers_free(void)
{
	close(timer_fd);
	free(heap);
	heap = NULL;
	count = capacity = 0;
}

void timer_start(struct timer *timer, uint64_t due_us)
{
	/* An all-zero time would stop the timerfd. */
	timer->due_us = due_us ? due_us : 1;
	if (timer->place) {
		settle(timer->place, timer);
		arm();
		return;
	}
	if (count + 1 >= capacity) {
		size_t grown = capacity ? capacity * 2 : 1024;
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds. */
		struct timer **timers = realloc(heap, grown * sizeof(*timers));

		if (!timers) {
			fprintf(stderr, "far_end: out of memory for timers\n");
			abort();
		}
		heap = timers;
		capacity = grown;
	}
	count++;
	settle(count, timer);
	arm();
}

void timer_stop(struct timer *timer)
{
	if (timer->place) {
		take_out(timer);
		arm();
	}
}
