/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "outbox.h"

#include <stdlib.h>
#include <string.h>

int aic_outbox_put(struct aic_outbox *outbox, const char *text, size_t length)
{
	struct aic_outgoing *message;

	if (outbox->count >= AIC_OUTBOX_MAX || !(message = malloc(sizeof(*message) + AIC_SEND_HEADROOM + length))) {
		return -1;
	}
	message->next = NULL;
	message->length = length;
	memcpy(message->bytes + AIC_SEND_HEADROOM, text, length);
	if (outbox->last) {
		outbox->last->next = message;
	} else {
		outbox->first = message;
	}
	outbox->last = message;
	outbox->count++;
	return 0;
}

struct aic_outgoing *aic_outbox_take(struct aic_outbox *outbox)
{
	struct aic_outgoing *message = outbox->first;

	if (message) {
		outbox->first = message->next;
		outbox->count--;
		if (!outbox->first) {
			outbox->last = NULL;
		}
	}
	return message;
}

void aic_outbox_clear(struct aic_outbox *outbox)
{
	struct aic_outgoing *message;

	while ((message = aic_outbox_take(outbox))) {
		free(message);
	}
}
