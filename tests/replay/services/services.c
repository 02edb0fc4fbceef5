/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

#include "base64.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct service service_deepgram, service_elevenlabs, service_gemini, service_openai, service_openai_live,
	service_twilio, service_websocket;

static const struct service *const services[] = {
	&service_elevenlabs,
	&service_openai,
	&service_openai_live,
	&service_gemini,
	&service_deepgram,
	&service_websocket,
	&service_twilio,
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

const struct service *service_of(const char *name)
{
	for (size_t i = 0; i < SERVICES; i++) {
		if (!strcmp(services[i]->name, name)) {
			return services[i];
		}
	}
	return NULL;
}

const struct service *service_at(size_t index)
{
	return index < SERVICES ? services[index] : NULL;
}

static void *room(struct aic_buffer *text, size_t length)
{
	void *to = aic_buffer_reserve(text, length);

	if (!to) {
		fprintf(stderr, "replay: out of memory\n");
		exit(2);
	}
	return to;
}

void put(struct aic_buffer *text, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length > 0) {
		vsnprintf(room(text, (size_t) length + 1), (size_t) length + 1, format, again);
		text->length += (size_t) length;
	}
	va_end(again);
}

void put_base64(struct aic_buffer *text, const uint8_t *bytes, size_t length)
{
	text->length += aic_base64_encode(bytes, length, room(text, AIC_BASE64_LENGTH(length)));
}
