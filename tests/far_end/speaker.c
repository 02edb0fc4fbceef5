/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "speaker.h"

#include "speech.h"

#define MESSAGE_MS 240
#define CHUNK_MS_MAX 10000

/* Of an agent that interrupts. */
#define INTERRUPTED_SPEECH_MS 3000
#define INTERRUPTION_FROM_US 250000
#define INTERRUPTION_SPREAD_US 200000
#define QUIET_US 300000

static void run_timer(struct speaker *speaker, uint64_t due_us);

/* Seeded: the n-th conversation of every run waits the same times. `spread_us` is included. */
static uint64_t random_us(struct speaker *speaker, uint64_t spread_us)
{
	return seeded_below(&speaker->random, spread_us + 1);
}

static size_t speech_bytes(const struct speaker *speaker, uint32_t ms)
{
	return ms * speech_bytes_per_ms(speaker->service->speech);
}

/* Returns 0, or -1 when the connection is lost. */
static int send_chunk(struct speaker *speaker, size_t length)
{
	static uint8_t audio[CHUNK_MS_MAX * SPEECH_BYTES_PER_MS_MAX];
	struct audio_chunk chunk = {.bytes = audio, .length = length};

	speech_take(speaker->service->speech, &speaker->position, audio, length);
	speaker->counts->chunks_out++;
	speaker->counts->bytes_out += length;
	return service_message_send(speaker->outgoing, speaker->service->audio(speaker->state, &chunk, speaker->event_id));
}

static void say_next(struct speaker *speaker, uint32_t ms)
{
	speaker->phase = SPEAKER_SPEAKING;
	speaker->event_id++;
	speaker->left = speech_bytes(speaker, ms);
	speaker_resume(speaker);
}

static void speak(struct speaker *speaker)
{
	size_t most = speech_bytes(speaker, MESSAGE_MS);

	while (speaker->left && outgoing_is_empty(speaker->outgoing)) {
		size_t length = speaker->left < most ? speaker->left : most;

		if (send_chunk(speaker, length)) {
			return;
		}
		speaker->left -= length;
	}
	if (!outgoing_is_empty(speaker->outgoing)) {
		return;
	}
	if (speaker->agent->kind == AGENT_INTERRUPT) {
		speaker->phase = SPEAKER_SPOKEN;
		run_timer(speaker, now_us() + INTERRUPTION_FROM_US + random_us(speaker, INTERRUPTION_SPREAD_US));
	} else {
		speaker->phase = SPEAKER_SILENT;
	}
}

static void interrupt(struct speaker *speaker)
{
	speaker->phase = SPEAKER_INTERRUPTING;
	if (!service_message_send(speaker->outgoing, speaker->service->interruption(speaker->event_id))) {
		speaker_resume(speaker);
	}
}

/* The interruption is on its way. */
static void be_quiet(struct speaker *speaker)
{
	uint64_t now = now_us();

	speaker->phase = SPEAKER_QUIET;
	speaker->interruptions++;
	run_timer(speaker, now + QUIET_US);
	facts_interrupted(now);
}

static uint64_t next_chunk_us(struct speaker *speaker)
{
	uint64_t due_us = speaker->stream_start_us + speaker->chunks * speaker->agent->chunk_ms * 1000;
	uint64_t late_us = random_us(speaker, (uint64_t) speaker->agent->jitter_ms * 1000);

	/* A chunk never overtakes the one before. */
	return due_us + late_us > speaker->timer.due_us ? due_us + late_us : speaker->timer.due_us;
}

static void on_time(void *arg)
{
	struct speaker *speaker = arg;

	switch (speaker->phase) {
	case SPEAKER_SPOKEN:
		interrupt(speaker);
		break;
	case SPEAKER_QUIET:
		if (speaker->interruptions < speaker->agent->interruptions) {
			say_next(speaker, INTERRUPTED_SPEECH_MS);
		} else {
			speaker->phase = SPEAKER_SILENT;
			facts_done();
		}
		break;
	case SPEAKER_STREAMING:
		speaker->chunks++;
		run_timer(speaker, next_chunk_us(speaker));
		send_chunk(speaker, speech_bytes(speaker, speaker->agent->chunk_ms));
		break;
	case SPEAKER_SILENT:
	case SPEAKER_SPEAKING:
	case SPEAKER_INTERRUPTING:
		break;
	}
}

static void run_timer(struct speaker *speaker, uint64_t due_us)
{
	speaker->timer.run = on_time;
	speaker->timer.arg = speaker;
	timer_start(&speaker->timer, due_us);
}

void speaker_start(struct speaker *speaker, const struct service *service, const void *state, const struct agent *agent,
	struct outgoing *outgoing, struct conversation_counts *counts, uint64_t seed, uint64_t delay_us)
{
	*speaker = (struct speaker) {
		.service = service,
		.state = state,
		.agent = agent,
		.outgoing = outgoing,
		.counts = counts,
		.random = seeded_begin(0, seed),
	};
	switch (agent->kind) {
	case AGENT_ECHO:
		break;
	case AGENT_TALK:
		say_next(speaker, agent->seconds * 1000);
		break;
	case AGENT_INTERRUPT:
		say_next(speaker, INTERRUPTED_SPEECH_MS);
		break;
	case AGENT_STREAM:
		speaker->phase = SPEAKER_STREAMING;
		speaker->event_id = 1;
		speaker->stream_start_us = now_us() + delay_us;
		run_timer(speaker, next_chunk_us(speaker));
		break;
	}
}

void speaker_resume(struct speaker *speaker)
{
	if (speaker->phase == SPEAKER_SPEAKING) {
		speak(speaker);
	} else if (speaker->phase == SPEAKER_INTERRUPTING && outgoing_is_empty(speaker->outgoing)) {
		be_quiet(speaker);
	}
	if ((speaker->phase == SPEAKER_SPEAKING || speaker->phase == SPEAKER_INTERRUPTING) && speaker->outgoing->wsi) {
		lws_callback_on_writable(speaker->outgoing->wsi);
	}
}

void speaker_stop(struct speaker *speaker)
{
	speaker->phase = SPEAKER_SILENT;
	timer_stop(&speaker->timer);
}
