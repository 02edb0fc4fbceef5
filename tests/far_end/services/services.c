/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "service.h"

#include <string.h>

extern const struct service service_deepgram, service_elevenlabs, service_gemini, service_openai, service_openai_live,
	service_twilio, service_websocket, service_websocket_16000;

static const struct service *const services[] = {
	&service_elevenlabs,
	&service_openai,
	&service_openai_live,
	&service_gemini,
	&service_deepgram,
	&service_websocket,
	&service_websocket_16000,
	&service_twilio,
};

const struct service *service_at_path(const char *path)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (!strcmp(services[i]->path, path)) {
			return services[i];
		}
	}
	return NULL;
}

const char *service_refuses(const struct service *service, const struct agent *agent)
{
	if (agent->kind == AGENT_ECHO && !service->hears_what_it_says) {
		return "this service hears another format than it speaks: no agent of it can echo";
	}
	if (agent->sample_bytes > 1 && service->sample_bytes) {
		return "the format of this service's audio is not the agent's choice";
	}
	if (agent->kind == AGENT_INTERRUPT && !service->interruption) {
		return "agents of this service do not interrupt";
	}
	return NULL;
}
