/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "sip_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for what hundreds of calls are told at once. */
#define RECEIVE_BUFFER (1024 * 1024)

struct sip_socket sip_socket = {.descriptor = -1};

static void write_address(char *text, const struct sockaddr_in *address)
{
	char host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
	snprintf(text, SIP_ADDRESS_SIZE, "%s:%u", host, ntohs(address->sin_port));
}

int sip_socket_open(const struct in_addr *own, const struct sockaddr_in *target)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = *own};
	socklen_t size = sizeof(address);
	int buffer = RECEIVE_BUFFER;

	sip_socket.descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(sip_socket.descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (bind(sip_socket.descriptor, (const struct sockaddr *) &address, sizeof(address))
		|| connect(sip_socket.descriptor, (const struct sockaddr *) target, sizeof(*target))
		|| getsockname(sip_socket.descriptor, (struct sockaddr *) &address, &size)) {
		fprintf(stderr, "callers: no socket for SIP can be had: %s\n", strerror(errno));
		return -1;
	}
	sip_socket.own = address.sin_addr;
	write_address(sip_socket.own_address, &address);
	write_address(sip_socket.target_address, target);
	return 0;
}

void sip_socket_send(const struct sip_draft *draft)
{
	/* What is lost here is sent again, as if the network had lost it. */
	if (draft->too_long || send(sip_socket.descriptor, draft->text, draft->length, 0) < 0) {
		return;
	}
}

ssize_t sip_socket_receive(char *text, size_t size)
{
	ssize_t length;

	do {
		length = recv(sip_socket.descriptor, text, size, 0);
		/* That nobody listens there yet is told by ICMP: it is no message. */
	} while (length < 0 && (errno == EINTR || errno == ECONNREFUSED));
	return length;
}

void sip_socket_close(void)
{
	if (sip_socket.descriptor >= 0) {
		close(sip_socket.descriptor);
		sip_socket.descriptor = -1;
	}
}
