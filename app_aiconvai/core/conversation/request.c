/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "request.h"

#include "buffer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int aic_request_add_header(struct aic_request *request, const char *name, const char *value)
{
	char *copy;

	if (request->header_count == AIC_REQUEST_HEADERS || !(copy = strdup(value))) {
		return -1;
	}
	request->headers[request->header_count].name = name;
	request->headers[request->header_count].value = copy;
	request->header_count++;
	return 0;
}

int aic_request_websocket(struct aic_request *request, const char *url)
{
	request->kind = AIC_REQUEST_WEBSOCKET;
	request->url = strdup(url);
	return request->url ? 0 : -1;
}

int aic_request_authorize(struct aic_request *request, const char *scheme, const char *secret)
{
	struct aic_buffer value = {0};
	int result;

	if (!secret) {
		return 0;
	}
	result = aic_buffer_append(&value, scheme, strlen(scheme)) || aic_buffer_append(&value, " ", 1)
		|| aic_buffer_append(&value, secret, strlen(secret) + 1) || aic_request_add_header(request, "Authorization",
		(const char *) value.bytes);
	aic_buffer_free(&value);
	return result ? -1 : 0;
}

int aic_request_add_key(struct aic_request *request, const char *header, const char *key)
{
	if (!strcasecmp(header, "Authorization")) {
		return aic_request_authorize(request, "Bearer", key);
	}
	return key ? aic_request_add_header(request, header, key) : 0;
}

void aic_request_clear(struct aic_request *request)
{
	for (size_t i = 0; i < request->header_count; i++) {
		free(request->headers[i].value);
	}
	free(request->url);
	memset(request, 0, sizeof(*request));
}
