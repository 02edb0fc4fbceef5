/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "sdp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_PCMU 0

/* The longest description that is read. */
#define TEXT_SIZE 2048

void sdp_write(char *text, size_t size, const struct in_addr *address, in_port_t port, bool held)
{
	char host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, address, host, sizeof(host));
	snprintf(text, size, "v=0\r\no=callers 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP %d\r\n"
		"a=rtpmap:%d PCMU/8000\r\na=ptime:20\r\na=%s\r\n", held ? 2 : 1, host, host, port, PAYLOAD_PCMU, PAYLOAD_PCMU,
		held ? "sendonly" : "sendrecv");
}

static bool has_pcmu(char *formats)
{
	char *rest = NULL;

	for (char *one = strtok_r(formats, " ", &rest); one; one = strtok_r(NULL, " ", &rest)) {
		if (!strcmp(one, "0")) {
			return true;
		}
	}
	return false;
}

const char *sdp_read(const struct sip_text *text, struct sockaddr_in *audio)
{
	char copy[TEXT_SIZE], host[64] = "", *rest = NULL;
	unsigned int port = 0;
	bool in_audio = false, found = false;

	sip_text_copy(text, copy, sizeof(copy));
	for (char *line = strtok_r(copy, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
		int formats_at = 0;

		if (!strncmp(line, "m=", 2)) {
			in_audio = !found && sscanf(line, "m=audio %5u RTP/AVP %n", &port, &formats_at) == 1 && formats_at;
			if (in_audio && !has_pcmu(line + formats_at)) {
				return "it takes no PCMU";
			}
			found = found || in_audio;
		} else if (!strncmp(line, "c=", 2) && (in_audio || !found)) {
			sscanf(line, "c=IN IP4 %63s", host);
		}
	}
	if (!found || !port || port > 65535) {
		return "it takes no audio";
	}
	*audio = (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons((in_port_t) port)};
	return inet_pton(AF_INET, host, &audio->sin_addr) == 1 ? NULL : "it has no address for audio";
}
