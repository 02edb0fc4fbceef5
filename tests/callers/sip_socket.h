/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The one UDP socket through which all calls' SIP goes.
 */
#ifndef CALLERS_SIP_SOCKET_H
#define CALLERS_SIP_SOCKET_H

#include "sip_message.h"

#include <netinet/in.h>

/* Of the addresses as they stand in messages; terminated. */
#define SIP_ADDRESS_SIZE 32

struct sip_socket {
	int descriptor;
	struct in_addr own;
	char own_address[SIP_ADDRESS_SIZE];    /* host:port */
	char target_address[SIP_ADDRESS_SIZE]; /* host:port */
};

extern struct sip_socket sip_socket;

/* Returns 0, or -1 after a line on standard error. */
int sip_socket_open(const struct in_addr *own, const struct sockaddr_in *target);
void sip_socket_send(const struct sip_draft *draft);

/* Reads the next datagram. Returns its length, or -1 when nothing is there now. */
ssize_t sip_socket_receive(char *text, size_t size);
void sip_socket_close(void);

#endif
