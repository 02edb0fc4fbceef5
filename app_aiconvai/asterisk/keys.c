/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/frame.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "keys.h"
#include "session.h"

#define DIGITS "0123456789*#ABCDabcd"
#define KEY_MS 120
#define BETWEEN_KEYS_MS 100
#define PAUSE_MS 500
#define LONG_PAUSE_MS 1000

/* So long at the most passes before it is seen that the conversation is over: only the call's own end wakes who waits for a frame. */
#define LOOK_MS 20

bool keys_are_valid(const char *keys)
{
	return !ast_strlen_zero(keys) && keys[strspn(keys, DIGITS "wW")] == '\0';
}

/* Waits for so long. Returns false as soon as there is nothing to press keys for any more. */
static bool wait_ms(struct session *session, struct ast_channel *channel, int ms)
{
	uint64_t now_us = aic_now_us(), due_us = now_us + (uint64_t) ms * 1000;

	while (!atomic_load(&session->ended) && !ast_check_hangup(channel)) {
		struct ast_frame *frame;
		int left_ms;

		if ((now_us = aic_now_us()) >= due_us) {
			return true;
		}
		left_ms = (int) ((due_us - now_us + 999) / 1000);
		left_ms = ast_waitfor(channel, MIN(left_ms, LOOK_MS));
		if (left_ms < 0) {
			return false;
		}
		if (left_ms > 0) {
			if (!(frame = ast_read(channel))) {
				return false;
			}
			ast_frfree(frame);
		}
	}
	return false;
}

/* Like ast_senddigit(), which cannot be stopped. A key that was pressed is let go of in any case. */
static bool press(struct session *session, struct ast_channel *channel, char key)
{
	bool goes_on = true;

	if (ast_channel_tech(channel)->send_digit_begin) {
		ast_senddigit_begin(channel, key);
		goes_on = wait_ms(session, channel, KEY_MS);
	}
	ast_senddigit_end(channel, key, KEY_MS);
	return goes_on;
}

bool keys_press(struct session *session, struct ast_channel *channel, const char *keys)
{
	/* A receiver wants quiet before a tone. */
	bool goes_on = wait_ms(session, channel, BETWEEN_KEYS_MS);

	for (const char *key = keys; goes_on && *key; key++) {
		if (*key == 'w' || *key == 'W') {
			goes_on = wait_ms(session, channel, *key == 'w' ? PAUSE_MS : LONG_PAUSE_MS);
		} else {
			goes_on = press(session, channel, *key) && wait_ms(session, channel, BETWEEN_KEYS_MS);
		}
	}
	return goes_on;
}
