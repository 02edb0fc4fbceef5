/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What the session descriptions of both sides (SDP, RFC 4566) say of a call's audio: PCMU, 20 ms a packet.
 */
#ifndef CALLERS_SDP_H
#define CALLERS_SDP_H

#include "sip_message.h"

#include <netinet/in.h>
#include <stdbool.h>

/* Our own; `held`: who holds the call sends, and wants nothing. */
void sdp_write(char *text, size_t size, const struct in_addr *address, in_port_t port, bool held);

/* Where the other side wants its audio. Returns NULL, or what is wrong with it. */
const char *sdp_read(const struct sip_text *text, struct sockaddr_in *audio);

#endif
