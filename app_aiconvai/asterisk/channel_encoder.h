/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * One encoder for everything that goes to the caller. What a decoder makes of a packet of G.722, GSM or Opus depends on
 * those before it. Asterisk makes an encoder anew for each format that is written to a channel, so that music, a file
 * and the agent would each begin with one that knows nothing of what the telephone has heard: that is heard as a burst
 * of up to 60 ms at full scale. So all of them are encoded here, in the framehook, and Asterisk hands on what it gets.
 *
 * G.711 and linear audio remember nothing, and are left to Asterisk.
 *
 * Guarded by the channel's lock.
 */
#ifndef AIC_CHANNEL_ENCODER_H
#define AIC_CHANNEL_ENCODER_H

#include "translation.h"

struct ast_channel;
struct ast_frame;

struct channel_encoder {
	struct translation encoding; /* of linear audio to what the channel sends */
	struct translation decoding; /* of frames that are not linear, to linear audio */
	struct ast_frame *linear, *encoded; /* owned: of the frame that came last */
};

/*
 * The voice frame as it is to go on: itself, where nothing is to be done, or one that is valid until the next call.
 * `linear` is the format in which all are encoded.
 */
struct ast_frame *channel_encoder_encode(struct channel_encoder *encoder, struct ast_channel *channel,
	struct ast_format *linear, struct ast_frame *frame);

void channel_encoder_clear(struct channel_encoder *encoder);

#endif
