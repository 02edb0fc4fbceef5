/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/file.h"
#include "asterisk/format_cache.h"
#include "asterisk/frame.h"
#include "asterisk/logger.h"
#include "asterisk/mod_format.h"
#include "asterisk/translate.h"
#include "asterisk/utils.h"

#include "ambience_sound.h"
#include "locks.h"
#include "output.h"
#include "translation.h"

/* Of a longer file the rest is not used: 60 s at 48 kHz are 6 MB. */
#define SECONDS_MAX 60

/* Sounds that are kept: so many agents with one of their own, at a rate or two. */
#define SOUNDS_MAX 64

static void sound_destroy(void *object)
{
	struct ambience_sound *sound = object;

	ast_free(sound->path);
	ast_free(sound->samples);
}

static int is_sound(void *object, void *wanted, int flags)
{
	const struct ambience_sound *sound = object, *other = wanted;

	return sound->rate == other->rate && !strcmp(sound->path, other->path) ? CMP_MATCH | CMP_STOP : 0;
}

struct ao2_container *ambience_sounds_new(void)
{
	return ao2_container_alloc_list(AO2_ALLOC_OPT_LOCK_MUTEX, 0, NULL, is_sound);
}

/* Appends a frame of linear audio, as far as there is room. Returns whether there is room for more. */
static bool append(struct ambience_sound *sound, const struct ast_frame *frame)
{
	size_t most = (size_t) sound->rate * SECONDS_MAX, count = (size_t) frame->datalen / sizeof(*sound->samples);

	if (count > most - sound->count) {
		count = most - sound->count;
	}
	memcpy(sound->samples + sound->count, frame->data.ptr, count * sizeof(*sound->samples));
	sound->count += count;
	return sound->count < most;
}

/* Reads all of it, or as much as is used. Returns -1 where its format cannot be decoded. */
static int read_stream(struct ambience_sound *sound, struct ast_filestream *stream)
{
	struct ast_format *from = stream->fmt->format, *to = ast_format_cache_get_slin_by_rate(sound->rate);
	struct translation translation = {.path = NULL};
	struct ast_frame *frame;
	bool has_room = true;

	if (!translation_is_same(from, to)) {
		translation_choose(&translation, from, to);
		if (!translation.path) {
			return -1;
		}
	}
	while (has_room && (frame = ast_readframe(stream))) {
		struct ast_frame *linear = translation.path ? ast_translate(translation.path, frame, 0) : frame;

		/* Where a decoder wants more first there is none yet. */
		if (linear) {
			has_room = append(sound, linear);
		}
		if (linear != frame && linear) {
			ast_frfree(linear);
		}
		ast_frfree(frame);
	}
	translation_drop(&translation);
	return 0;
}

/* Asterisk names a file without its extension, which is its format. */
static struct ast_filestream *open_file(const char *path)
{
	char name[PATH_MAX], *extension;

	ast_copy_string(name, path, sizeof(name));
	if (!(extension = strrchr(name, '.'))) {
		return NULL;
	}
	*extension++ = '\0';
	return ast_readfile(name, extension, NULL, O_RDONLY, 0, 0);
}

static const char *load(struct ambience_sound *sound)
{
	struct ast_filestream *stream = open_file(sound->path);
	int failed;

	if (!stream) {
		return "cannot be opened; expected a sound file with its extension, such as office.wav";
	}
	failed = read_stream(sound, stream);
	ast_closestream(stream);
	if (failed) {
		return "is in a format that this Asterisk cannot decode";
	}
	if (sound->count < sound->rate) {
		return "is shorter than a second";
	}
	return NULL;
}

static struct ambience_sound *new_sound(const char *path, uint32_t rate)
{
	struct ambience_sound *sound = ao2_alloc_options(sizeof(*sound), sound_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!sound) {
		return NULL;
	}
	sound->rate = rate;
	sound->path = ast_strdup(path);
	sound->samples = ast_malloc((size_t) rate * SECONDS_MAX * sizeof(*sound->samples));
	if (!sound->path || !sound->samples) {
		ao2_ref(sound, -1);
		return NULL;
	}
	return sound;
}

/* What is not used of the memory is given back. */
static void fit(struct ambience_sound *sound)
{
	int16_t *fitting = ast_realloc(sound->samples, sound->count * sizeof(*sound->samples));

	if (fitting) {
		sound->samples = fitting;
	}
}

struct ambience_sound *ambience_sound_get(struct ao2_container *sounds, const char *path, uint32_t rate,
	const char *agent)
{
	struct ambience_sound key = {.path = (char *) path, .rate = rate};
	struct ambience_sound *sound = ao2_find(sounds, &key, OBJ_POINTER);
	const char *problem;

	if (sound) {
		return sound;
	}
	locks_check_free("reading a sound file");
	if (!(sound = new_sound(path, rate))) {
		return NULL;
	}
	problem = load(sound);
	if (problem) {
		log_line(LOG_WARNING, "agent %s: ambience: '%s' %s; the caller hears none", agent, path, problem);
		ao2_ref(sound, -1);
		return NULL;
	}
	fit(sound);
	aic_ambience_make_loop(&sound->loop, sound->samples, sound->count, sound->rate);
	/* Two calls may read it at the same time: then each keeps its own. */
	if (ao2_container_count(sounds) < SOUNDS_MAX) {
		ao2_link(sounds, sound);
	}
	return sound;
}
