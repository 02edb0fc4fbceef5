/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conversation_state.h"

#include <inttypes.h>
#include <stdio.h>

#define LOOK_US US_PER_SECOND

/* Without a packet for so long from the beginning on, or later: telephones may send nothing where nobody speaks. */
#define NEVER_CAME_US (3 * US_PER_SECOND)
#define STOPPED_US (15 * US_PER_SECOND)

/* Nothing in it is this: noise of a line is louder. And so much of it: a caller may well listen first. */
#define SILENT_DBFS (-75.0)
#define SILENT_CALLER_MS 20000
#define SILENT_AGENT_MS 5000

/* So much was spoken, and so long ago: a service that hears has said so by then, in whatever way. */
#define UNHEARD_US (4 * US_PER_SECOND)
#define UNHEARD_PATIENCE_US (5 * US_PER_SECOND)

const char *aic_trouble_name(enum aic_trouble trouble)
{
	static const char *const names[AIC_TROUBLES] = {
		[AIC_TROUBLE_NO_CALLER_AUDIO] = "no_caller_audio",
		[AIC_TROUBLE_SILENT_CALLER] = "silent_caller",
		[AIC_TROUBLE_UNHEARD_CALLER] = "unheard_caller",
		[AIC_TROUBLE_SILENT_AGENT] = "silent_agent",
		[AIC_TROUBLE_AGENT_HEARS_ITSELF] = "agent_hears_itself",
	};

	return names[trouble];
}

/* All by which a service shows that it hears, or that it has something else to do. */
static uint64_t signs(const struct aic_conversation_stats *stats)
{
	return stats->transcripts + stats->interruptions + stats->pauses + stats->downlink_chunks + stats->tool_calls
		+ stats->reopenings;
}

void aic_troubles_start(struct aic_conversation *conversation)
{
	struct aic_troubles *troubles = &conversation->troubles;

	troubles->came_us = troubles->spoke_us = conversation->now_us;
	troubles->spoken_us = 0;
	troubles->due_us = conversation->now_us + LOOK_US;
}

void aic_troubles_audio_came(struct aic_conversation *conversation)
{
	conversation->troubles.came_us = conversation->now_us;
	conversation->troubles.has_come = true;
}

void aic_troubles_caller_spoke(struct aic_conversation *conversation, uint64_t duration_us)
{
	conversation->troubles.spoken_us += duration_us;
	conversation->troubles.spoke_us = conversation->now_us;
}

static uint64_t heard_ms(const struct aic_conversation *conversation, const struct aic_energy *energy)
{
	return energy->samples * 1000 / conversation->stats.line_format.rate;
}

static bool is_silent(const struct aic_energy *energy)
{
	return aic_energy_dbfs(energy) < SILENT_DBFS;
}

static uint64_t missing_us(const struct aic_conversation *conversation)
{
	return conversation->now_us - conversation->troubles.came_us;
}

/* Whether there is that trouble now. */
static bool stands(const struct aic_conversation *conversation, enum aic_trouble trouble)
{
	const struct aic_troubles *troubles = &conversation->troubles;
	const struct aic_energy *caller = &conversation->uplink.energy, *agent = &conversation->downlink.energy;

	switch (trouble) {
	case AIC_TROUBLE_NO_CALLER_AUDIO:
		return missing_us(conversation) >= (troubles->has_come ? STOPPED_US : NEVER_CAME_US);
	case AIC_TROUBLE_SILENT_CALLER:
		return heard_ms(conversation, caller) >= SILENT_CALLER_MS && is_silent(caller);
	case AIC_TROUBLE_UNHEARD_CALLER:
		return troubles->spoken_us >= UNHEARD_US && conversation->now_us - troubles->spoke_us >= UNHEARD_PATIENCE_US;
	case AIC_TROUBLE_SILENT_AGENT:
		return heard_ms(conversation, agent) >= SILENT_AGENT_MS && is_silent(agent);
	case AIC_TROUBLE_AGENT_HEARS_ITSELF:
		return conversation->echo.is_told && conversation->settings->echo_guard == AIC_ECHO_GUARD_OFF;
	case AIC_TROUBLES:
		break;
	}
	return false;
}

/* Writes it as a sentence, as it stands now. */
static void describe(struct aic_conversation *conversation, enum aic_trouble trouble)
{
	const struct aic_troubles *troubles = &conversation->troubles;
	const struct aic_energy *caller = &conversation->uplink.energy, *agent = &conversation->downlink.energy;
	char *text = conversation->troubles.text;
	size_t size = sizeof(conversation->troubles.text);

	switch (trouble) {
	case AIC_TROUBLE_NO_CALLER_AUDIO:
		snprintf(text, size, troubles->has_come ? "no audio has come from the caller for %" PRIu64 " s"
			: "no audio has come from the caller at all, for %" PRIu64 " s", missing_us(conversation) / US_PER_SECOND);
		break;
	case AIC_TROUBLE_SILENT_CALLER:
		snprintf(text, size, "the audio that comes from the caller is silent: %.0f dBFS in %" PRIu64 " s",
			aic_energy_dbfs(caller), heard_ms(conversation, caller) / 1000);
		break;
	case AIC_TROUBLE_UNHEARD_CALLER:
		snprintf(text, size, "the caller has spoken for %" PRIu64 " s, and the service, which got %" PRIu64
			" chunks, shows no sign of it", troubles->spoken_us / US_PER_SECOND, conversation->uplink.chunks_taken);
		break;
	case AIC_TROUBLE_SILENT_AGENT:
		snprintf(text, size, "the agent sends audio that is silent: %.0f dBFS in %" PRIu64 " s",
			aic_energy_dbfs(agent), heard_ms(conversation, agent) / 1000);
		break;
	case AIC_TROUBLE_AGENT_HEARS_ITSELF:
		snprintf(text, size, "the agent hears itself: its voice comes back at %.0f dB, %d ms late, and echo_guard is"
			" off", conversation->echo.told.return_db, conversation->echo.told.delay_ms);
		break;
	case AIC_TROUBLES:
		break;
	}
}

static void tell(struct aic_conversation *conversation, enum aic_trouble trouble)
{
	struct aic_troubles *troubles = &conversation->troubles;

	if (!(troubles->told & 1u << trouble)) {
		troubles->told |= 1u << trouble;
		aic_conversation_tell(conversation, &(struct aic_event) {.type = AIC_EVENT_TROUBLE,
			.trouble = {.kind = trouble, .text = troubles->text}});
	}
}

uint64_t aic_troubles_due(const struct aic_conversation *conversation)
{
	return conversation->phase == AIC_PHASE_ACTIVE ? conversation->troubles.due_us : UINT64_MAX;
}

bool aic_troubles_attend(struct aic_conversation *conversation)
{
	struct aic_troubles *troubles = &conversation->troubles;
	uint64_t shown = signs(&conversation->stats);
	enum aic_trouble trouble;

	troubles->due_us = conversation->now_us + LOOK_US;
	if (conversation->hold.is_on) {
		troubles->came_us = conversation->now_us;
	}
	if (shown != troubles->signs || aic_tools_silence_caller(conversation)) {
		troubles->signs = shown;
		troubles->spoken_us = 0;
	}
	for (trouble = 0; trouble < AIC_TROUBLES; trouble++) {
		if (stands(conversation, trouble)) {
			describe(conversation, trouble);
			tell(conversation, trouble);
			return true;
		}
	}
	troubles->text[0] = '\0';
	if (conversation->hold.is_on) {
		snprintf(troubles->text, sizeof(troubles->text), "the caller's side is on hold");
	}
	return true;
}
