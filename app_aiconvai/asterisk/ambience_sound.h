/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Sound files that are heard under calls (option ambience): read once for each rate, and shared by all calls.
 */
#ifndef AIC_AMBIENCE_SOUND_H
#define AIC_AMBIENCE_SOUND_H

#include "ambience.h"

#include <stddef.h>
#include <stdint.h>

/* ao2 object, never changed once it is loaded. */
struct ambience_sound {
	char *path;     /* owned */
	uint32_t rate;
	int16_t *samples; /* owned */
	size_t count;
	struct aic_ambience_loop loop; /* of them */
};

struct ao2_container;

/* Those of one configuration: where it is read again, they are. NULL when memory is short. */
struct ao2_container *ambience_sounds_new(void);

/*
 * The file `path` (with its extension; where it does not begin with a slash, in Asterisk's directory of sounds) at
 * `rate`, with a reference for the caller; NULL where it cannot be read, which is logged for `agent`. Reads the disk:
 * for a channel's own thread, with nothing locked.
 */
struct ambience_sound *ambience_sound_get(struct ao2_container *sounds, const char *path,
	uint32_t rate, const char *agent);

#endif
