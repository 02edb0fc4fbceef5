/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The threads that serve the connections: started with the module, stopped with it, as many as the option
 * network_threads says and no more however many calls there are.
 */
#ifndef AIC_NETWORK_H
#define AIC_NETWORK_H

#include <stdint.h>

struct aic_event_loop;
struct aic_resolver;

/* Returns 0, or -1 when a thread could not be started (nothing is left running then). */
int network_start(int threads);

/* After the last session. */
void network_stop(void);

/* The loop for the next conversation: that with the fewest. Any thread. */
struct aic_event_loop *network_loop(void);

struct aic_resolver *network_resolver(void);

/* How long after its time the latest timer of a loop fired, in microseconds. Any thread. */
uint64_t network_late_us(void);

#endif
