/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "speech.h"

#include "audio_format.h"
#include "buffer.h"
#include "transcoder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_BYTES_PER_MS 8

/* Ten minutes: a limit that only the wrong file exceeds. */
#define SPEECH_MAX (600u * 1000 * FILE_BYTES_PER_MS)

static const struct aic_audio_format formats[SPEECH_FORMATS] = {
	[SPEECH_ULAW_8000] = {AIC_ENCODING_ULAW, 8000},
	[SPEECH_PCM_16000] = {AIC_ENCODING_PCM16, 16000},
	[SPEECH_PCM_24000] = {AIC_ENCODING_PCM16, 24000},
};

static struct aic_buffer speech[SPEECH_FORMATS];

size_t speech_bytes_per_ms(enum speech_format format)
{
	return aic_format_bytes(formats[format], 1);
}

/* Returns NULL, or what is wrong. */
static const char *read_file(FILE *file)
{
	struct aic_buffer *read = &speech[SPEECH_ULAW_8000];

	if (!aic_buffer_reserve(read, SPEECH_MAX + 1)) {
		return "out of memory";
	}
	read->length = fread(read->bytes, 1, SPEECH_MAX + 1, file);
	if (ferror(file)) {
		return strerror(errno);
	}
	if (!read->length) {
		return "the file is empty; expected raw mu-law at 8 kHz";
	}
	return read->length > SPEECH_MAX ? "more than ten minutes; expected raw mu-law at 8 kHz" : NULL;
}

/*
 * Makes the speech in `format` of that in the file: so many samples, to the last one, that both last as long. Returns
 * NULL, or what is wrong.
 */
static const char *make(enum speech_format format)
{
	const struct aic_buffer *read = &speech[SPEECH_ULAW_8000];
	struct aic_buffer *made = &speech[format];
	struct aic_transcoder *transcoder = aic_transcoder_new(formats[SPEECH_ULAW_8000], formats[format]);
	size_t wanted = read->length * speech_bytes_per_ms(format) / FILE_BYTES_PER_MS;
	bool failed;

	failed = !transcoder || aic_transcoder_run(transcoder, read->bytes, read->length, made)
		|| aic_transcoder_finish(transcoder, made);
	aic_transcoder_free(transcoder);
	if (failed || made->length < wanted) {
		return "it could not be resampled: out of memory";
	}
	/* What is more is the resampler's delay, in front of the speech. */
	aic_buffer_drop_front(made, made->length - wanted);
	return NULL;
}

int speech_load(const char *path)
{
	FILE *file = fopen(path, "rb");
	const char *problem;

	if (!file) {
		fprintf(stderr, "far_end: --speech %s: %s\n", path, strerror(errno));
		return -1;
	}
	problem = read_file(file);
	fclose(file);
	if (problem || (problem = make(SPEECH_PCM_16000)) || (problem = make(SPEECH_PCM_24000))) {
		fprintf(stderr, "far_end: --speech %s: %s\n", path, problem);
		speech_free();
		return -1;
	}
	return 0;
}

bool speech_is_loaded(void)
{
	return speech[SPEECH_ULAW_8000].length > 0;
}

void speech_free(void)
{
	for (size_t i = 0; i < SPEECH_FORMATS; i++) {
		aic_buffer_free(&speech[i]);
	}
}

void speech_take(enum speech_format format, size_t *position, uint8_t *to, size_t length)
{
	const struct aic_buffer *whole = &speech[format];

	while (length) {
		size_t part = whole->length - *position < length ? whole->length - *position : length;

		memcpy(to, whole->bytes + *position, part);
		*position = (*position + part) % whole->length;
		to += part;
		length -= part;
	}
}
