/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whatever comes by a connection of AudioSocket, in whatever pieces: the same is read, and nothing beyond its bounds.
 */
#include "audiosocket_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken, without the seams between pieces of audio. */
struct taken {
	uint64_t hash, bytes;
	uint8_t kind;
};

static void add(struct taken *taken, uint8_t byte)
{
	/* FNV-1a. */
	taken->hash = (taken->hash ^ byte) * UINT64_C(1099511628211);
	taken->bytes++;
}

static void take(void *user, uint8_t kind, const uint8_t *payload, size_t length)
{
	struct taken *taken = user;
	bool is_audio = aic_audiosocket_rate(kind);

	if (is_audio ? length % 2 || !length : length > AIC_UUID_BYTES) {
		abort();
	}
	if (!is_audio || kind != taken->kind) {
		add(taken, kind);
	}
	taken->kind = kind;
	for (size_t i = 0; i < length; i++) {
		add(taken, payload[i]);
	}
}

/* Each piece is in memory of its own, so that a byte behind it is somebody else's. */
static struct taken read_in_pieces(const uint8_t *bytes, size_t size, size_t most)
{
	struct aic_audiosocket_reader reader = {.left = 0};
	struct taken taken = {.hash = UINT64_C(14695981039346656037)};

	for (size_t at = 0; at < size;) {
		size_t some = size - at < most ? size - at : most;
		uint8_t *piece = malloc(some);

		if (!piece) {
			abort();
		}
		memcpy(piece, bytes + at, some);
		aic_audiosocket_read(&reader, piece, some, take, &taken);
		free(piece);
		at += some;
	}
	return taken;
}

/* The first byte says how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken whole, pieces;

	if (size < 2) {
		return 0;
	}
	whole = read_in_pieces(data + 1, size - 1, size);
	pieces = read_in_pieces(data + 1, size - 1, data[0] % 64 + 1u);
	if (whole.hash != pieces.hash || whole.bytes != pieces.bytes || whole.bytes > 2 * size) {
		abort();
	}
	return 0;
}
