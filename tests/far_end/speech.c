/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "speech.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ten minutes: a limit that only the wrong file exceeds. */
#define SPEECH_MAX (600u * 1000 * SPEECH_BYTES_PER_MS)

static uint8_t *speech;
static size_t speech_length;

int speech_load(const char *path)
{
	FILE *file = fopen(path, "rb");
	const char *problem = NULL;

	if (!file) {
		fprintf(stderr, "far_end: --speech %s: %s\n", path, strerror(errno));
		return -1;
	}
	speech = malloc(SPEECH_MAX + 1);
	if (!speech) {
		problem = "out of memory";
	} else {
		speech_length = fread(speech, 1, SPEECH_MAX + 1, file);
		if (ferror(file)) {
			problem = strerror(errno);
		} else if (!speech_length) {
			problem = "the file is empty; expected raw mu-law at 8 kHz";
		} else if (speech_length > SPEECH_MAX) {
			problem = "more than ten minutes; expected raw mu-law at 8 kHz";
		}
	}
	fclose(file);
	if (problem) {
		fprintf(stderr, "far_end: --speech %s: %s\n", path, problem);
		speech_free();
		return -1;
	}
	return 0;
}

bool speech_is_loaded(void)
{
	return speech != NULL;
}

void speech_free(void)
{
	free(speech);
	speech = NULL;
	speech_length = 0;
}

void speech_take(size_t *position, uint8_t *to, size_t length)
{
	while (length) {
		size_t part = speech_length - *position < length ? speech_length - *position : length;

		memcpy(to, speech + *position, part);
		*position = (*position + part) % speech_length;
		to += part;
		length -= part;
	}
}
