/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The listening sockets, all at one address, and which connection is whose.
 */
#ifndef FAR_END_SERVER_H
#define FAR_END_SERVER_H

struct uv_loop_s;

struct server_ports {
	int ws, audiosocket;
	int wss; /* -1: none */
};

/*
 * Listens at that IPv4 address, which must outlive it; `certificate` and `key` are PEM files, or both NULL. Returns 0,
 * or -1 after a line on standard error.
 */
int server_open(struct uv_loop_s *loop, const char *address, const char *certificate, const char *key,
	struct server_ports *ports);

/* Ends every connection; the loop has to run on until nothing is left in it. */
void server_close(void);

#endif
