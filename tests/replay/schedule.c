/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "schedule.h"

#include "g711.h"
#include "speech.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOICE_ACTIVITY_EVERY_MS 200
#define PING_EVERY_MS 2000

/* In each round. The agent is heard from the moment its first audio comes until it is interrupted: half of the time. */
#define TENTATIVE_MS 1500
#define MORE_TENTATIVE_MS 2500
#define CALLER_SAID_MS 4000
#define AGENT_SAYS_MS 4300
#define AUDIO_MS 4400
#define INTERRUPTION_MS 9400
#define LATE_AUDIO_MS 9440

/* Audio is sent some four times as fast as it is heard, in messages of these lengths one after the other. */
#define AUDIO_EVERY_MS 120
#define AUDIO_MESSAGES 16
#define AUDIO_MESSAGE_MS_MAX 760
static const uint32_t audio_message_ms[] = {120, 300, 500, AUDIO_MESSAGE_MS_MAX};

#define CALLER_WORDS "I would like to move my appointment to Thursday afternoon, if that is still possible."
#define AGENT_WORDS "Of course. On Thursday afternoon there are two places left: one at a quarter past two and one " \
	"at four o'clock. Which of them suits you better? I can also send you a message to remind you the day before."
#define HEARD_WORDS "Of course. On Thursday afternoon there are two places left: one at a quarter past two and one " \
	"at..."

struct author {
	struct schedule *schedule;
	const struct service *service;
	struct aic_audio_format format;
	struct speech voice;
};

/* What was appended to the text since the last message is one more, unless it is nothing. */
static void add_message(struct schedule *schedule, uint32_t at_ms, bool binary)
{
	size_t offset = 0;

	if (schedule->count) {
		const struct message *last = &schedule->messages[schedule->count - 1];

		offset = last->offset + last->length;
	}
	if (schedule->text.length == offset) {
		return;
	}
	schedule->messages = realloc(schedule->messages, (schedule->count + 1) * sizeof(*schedule->messages));
	if (!schedule->messages) {
		fprintf(stderr, "replay: out of memory\n");
		exit(2);
	}
	schedule->messages[schedule->count++] =
		(struct message) {.at_ms = at_ms, .offset = offset, .length = schedule->text.length - offset, .binary = binary};
}

static void add(struct schedule *schedule, uint32_t at_ms)
{
	add_message(schedule, at_ms, false);
}

static void add_audio(struct author *author, uint32_t at_ms, int64_t turn, uint32_t length_ms)
{
	static int16_t samples[48 * AUDIO_MESSAGE_MS_MAX];
	static uint8_t codes[48 * AUDIO_MESSAGE_MS_MAX];
	size_t length = aic_format_bytes(author->format, length_ms), count = length / aic_sample_bytes(author->format);
	const uint8_t *bytes = (const uint8_t *) samples;

	speech_samples(&author->voice, samples, count);
	if (author->format.encoding == AIC_ENCODING_ULAW) {
		aic_ulaw_encode(samples, codes, count);
		bytes = codes;
	}
	author->service->audio(&author->schedule->text, turn, bytes, length);
	author->schedule->audio_bytes += length;
	add_message(author->schedule, at_ms, author->service->binary_audio);
}

/* All that the service says at that moment. */
static void add_moment(struct author *author, uint32_t now_ms)
{
	const struct service *service = author->service;
	struct aic_buffer *text = &author->schedule->text;
	uint32_t round_ms = now_ms % ROUND_MS;
	int64_t turn = now_ms / ROUND_MS + 1;

	if (now_ms % PING_EVERY_MS == 0) {
		if (service->ping) {
			service->ping(text, now_ms / PING_EVERY_MS);
		}
		add(author->schedule, now_ms);
	}
	if (now_ms % VOICE_ACTIVITY_EVERY_MS == 0) {
		if (service->voice_activity) {
			service->voice_activity(text, (now_ms * 37 % 10007) / 10007.0);
		}
		add(author->schedule, now_ms);
	}
	switch (round_ms) {
	case TENTATIVE_MS:
	case MORE_TENTATIVE_MS:
		if (service->caller_said) {
			service->caller_said(text, turn, "I would like to move my appointment", false);
		}
		break;
	case CALLER_SAID_MS:
		if (service->caller_said) {
			service->caller_said(text, turn, CALLER_WORDS, true);
		}
		break;
	case AGENT_SAYS_MS:
		if (service->agent_says) {
			service->agent_says(text, turn, AGENT_WORDS);
		}
		break;
	case INTERRUPTION_MS:
		if (service->interruption) {
			service->interruption(text, turn);
		}
		add(author->schedule, now_ms);
		if (service->agent_said) {
			service->agent_said(text, turn, AGENT_WORDS, HEARD_WORDS);
		}
		break;
	case LATE_AUDIO_MS:
		add_audio(author, now_ms, turn, audio_message_ms[0]);
		break;
	default:
		break;
	}
	add(author->schedule, now_ms);
	if (round_ms >= AUDIO_MS && (round_ms - AUDIO_MS) % AUDIO_EVERY_MS == 0
		&& (round_ms - AUDIO_MS) / AUDIO_EVERY_MS < AUDIO_MESSAGES) {
		size_t number = (round_ms - AUDIO_MS) / AUDIO_EVERY_MS;

		add_audio(author, now_ms, turn,
			audio_message_ms[number % (sizeof(audio_message_ms) / sizeof(audio_message_ms[0]))]);
	}
}

void schedule_write(struct schedule *schedule, const struct service *service, struct aic_audio_format format)
{
	struct author author = {.schedule = schedule, .service = service, .format = format, .voice = {.rate = format.rate}};
	char name[32];

	memset(schedule, 0, sizeof(*schedule));
	if (service->greet) {
		service->greet(&schedule->text);
		add(schedule, 0);
	}
	if (service->ready) {
		service->ready(&schedule->text, aic_format_name(format, name, sizeof(name)));
	}
	add(schedule, 0);
	for (uint32_t now_ms = AIC_FRAME_MS; now_ms < CONVERSATION_MS; now_ms += AIC_FRAME_MS) {
		add_moment(&author, now_ms);
	}
}

void schedule_free(struct schedule *schedule)
{
	aic_buffer_free(&schedule->text);
	free(schedule->messages);
}
