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

/* Our own. */
void sdp_write(char *text, size_t size, const struct in_addr *address, in_port_t port);

/* Where the other side wants its audio. Returns NULL, or what is wrong with it. */
const char *sdp_read(const struct sip_text *text, struct sockaddr_in *audio);

#endif
