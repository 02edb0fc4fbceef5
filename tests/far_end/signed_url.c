/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "signed_url.h"

#include "agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#define HOST_SIZE 256

static int answer(struct lws *wsi, unsigned int status, const char *key, const char *value)
{
	static uint8_t headers[LWS_PRE + 512], body[LWS_PRE + 1024];
	uint8_t *start = headers + LWS_PRE, *at = start, *end = headers + sizeof(headers) - 1;
	const unsigned char *text;
	size_t length;
	int failed = 1;
	yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen) {
		return -1;
	}
	yajl_gen_map_open(gen);
	yajl_gen_string(gen, (const unsigned char *) key, strlen(key));
	yajl_gen_string(gen, (const unsigned char *) value, strlen(value));
	yajl_gen_map_close(gen);
	if (yajl_gen_get_buf(gen, &text, &length) == yajl_gen_status_ok && length <= sizeof(body) - LWS_PRE) {
		memcpy(body + LWS_PRE, text, length);
		failed = lws_add_http_common_headers(wsi, status, "application/json", length, &at, end)
			|| lws_finalize_write_http_header(wsi, start, &at, end)
			|| lws_write(wsi, body + LWS_PRE, length, LWS_WRITE_HTTP_FINAL) != (int) length;
	}
	yajl_gen_free(gen);
	return failed ? -1 : 0;
}

/* The name in the Host header, without a port; an empty one when there is none that is a host name. */
static void read_host_name(struct lws *wsi, char host[HOST_SIZE])
{
	if (lws_hdr_copy(wsi, host, HOST_SIZE, WSI_TOKEN_HOST) <= 0) {
		host[0] = '\0';
	}
	host[strcspn(host, ":")] = '\0';
	if (host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")]) {
		host[0] = '\0';
	}
}

int signed_url_answer(struct lws *wsi, const char *path)
{
	static uint64_t signatures;
	char url[800], host[HOST_SIZE] = "127.0.0.1", name[256];
	const char *agent_name, *problem;
	struct agent agent;

	if (strcmp(path, SIGNED_URL_PATH)) {
		return answer(wsi, HTTP_STATUS_NOT_FOUND, "detail", "Not Found");
	}
	if (!(agent_name = lws_get_urlarg_by_name(wsi, "agent_id=", name, sizeof(name)))) {
		return answer(wsi, 422, "detail", "the query parameter agent_id is missing");
	}
	if ((problem = agent_of_name(&agent, agent_name))) {
		return answer(wsi, HTTP_STATUS_NOT_FOUND, "detail", problem);
	}
	if (lws_is_ssl(wsi)) {
		read_host_name(wsi, host);
		if (!host[0]) {
			return answer(wsi, HTTP_STATUS_BAD_REQUEST, "detail", "the Host header has no host name");
		}
	}
	snprintf(url, sizeof(url), "%s://%s:%d" CONVERSATION_PATH "?agent_id=%s&conversation_signature=far_end_%" PRIu64,
		lws_is_ssl(wsi) ? "wss" : "ws", host, lws_get_vhost_listen_port(lws_get_vhost(wsi)), agent.name, ++signatures);
	return answer(wsi, HTTP_STATUS_OK, "signed_url", url);
}
