/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "outbox.h"

#include <stdlib.h>
#include <string.h>

/* Memory for a text of that length: one that is free, or a new one. NULL when memory is short. */
static struct aic_outgoing *find_room(struct aic_outbox *outbox, size_t length)
{
	struct aic_outgoing *message = outbox->spare;
	size_t room = length > AIC_OUTBOX_SMALL ? length : AIC_OUTBOX_SMALL;

	if (message && length <= AIC_OUTBOX_SMALL) {
		outbox->spare = message->next;
		outbox->spare_count--;
		return message;
	}
	if ((message = malloc(sizeof(*message) + AIC_SEND_HEADROOM + room))) {
		message->room = room;
	}
	return message;
}

int aic_outbox_put(struct aic_outbox *outbox, const char *text, size_t length)
{
	struct aic_outgoing *message;

	if (outbox->count >= AIC_OUTBOX_MAX || length > AIC_OUTBOX_BYTES_MAX - outbox->bytes
		|| !(message = find_room(outbox, length))) {
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
	outbox->bytes += length;
	return 0;
}

struct aic_outgoing *aic_outbox_take(struct aic_outbox *outbox)
{
	struct aic_outgoing *message = outbox->first;

	if (message) {
		outbox->first = message->next;
		outbox->count--;
		outbox->bytes -= message->length;
		if (!outbox->first) {
			outbox->last = NULL;
		}
	}
	return message;
}

void aic_outbox_give_back(struct aic_outbox *outbox, struct aic_outgoing *message)
{
	if (message && message->room == AIC_OUTBOX_SMALL && outbox->spare_count < AIC_OUTBOX_SPARE_MAX) {
		message->next = outbox->spare;
		outbox->spare = message;
		outbox->spare_count++;
	} else {
		free(message);
	}
}

void aic_outbox_clear(struct aic_outbox *outbox)
{
	struct aic_outgoing *message;

	while ((message = aic_outbox_take(outbox))) {
		aic_outbox_give_back(outbox, message);
	}
}

void aic_outbox_free(struct aic_outbox *outbox)
{
	aic_outbox_clear(outbox);
	while (outbox->spare) {
		struct aic_outgoing *message = outbox->spare;

		outbox->spare = message->next;
		free(message);
	}
	outbox->spare_count = 0;
}
