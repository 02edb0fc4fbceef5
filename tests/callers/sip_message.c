/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "sip_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VERSION "SIP/2.0"

/* Takes the line that `rest` begins with, without its end, off it. */
static struct sip_text take_line(struct sip_text *rest)
{
	const char *end = memchr(rest->at, '\n', rest->length);
	struct sip_text line = {rest->at, end ? (size_t) (end - rest->at) : rest->length};
	size_t taken = line.length + (end ? 1 : 0);

	rest->at += taken;
	rest->length -= taken;
	if (line.length && line.at[line.length - 1] == '\r') {
		line.length--;
	}
	return line;
}

/* Takes the word that `rest` begins with, and the blanks behind it, off it. */
static struct sip_text take_word(struct sip_text *rest)
{
	struct sip_text word = {rest->at, 0};

	while (word.length < rest->length && word.at[word.length] != ' ') {
		word.length++;
	}
	rest->at += word.length;
	rest->length -= word.length;
	while (rest->length && *rest->at == ' ') {
		rest->at++;
		rest->length--;
	}
	return word;
}

bool sip_text_is(const struct sip_text *text, const char *word)
{
	return text->length == strlen(word) && !memcmp(text->at, word, text->length);
}

void sip_text_copy(const struct sip_text *text, char *to, size_t size)
{
	size_t length = text->length < size ? text->length : 0;

	memcpy(to, text->at, length);
	to[length] = '\0';
}

/* A number of at most six digits, 0 where it is none. */
static unsigned int number_of(const struct sip_text *word)
{
	char digits[7];

	sip_text_copy(word, digits, sizeof(digits));
	return (unsigned int) strtoul(digits, NULL, 10);
}

int sip_message_read(struct sip_message *message, const char *text, size_t length)
{
	struct sip_text rest = {text, length}, first = take_line(&rest), word = take_word(&first), sequence;

	*message = (struct sip_message) {.method = word, .headers = rest};
	if (sip_text_is(&word, VERSION)) {
		word = take_word(&first);
		message->status = number_of(&word);
		message->reason = first;
		if (message->status < 100 || message->status > 699) {
			return -1;
		}
	}
	while (rest.length) {
		struct sip_text line = take_line(&rest);

		if (!line.length) {
			message->headers.length = (size_t) (line.at - message->headers.at);
			message->body = rest;
			break;
		}
	}
	if (!sip_message_header(message, "CSeq", '\0', 0, &sequence)) {
		return -1;
	}
	word = take_word(&sequence);
	message->sequence = number_of(&word);
	if (message->status) {
		message->method = sequence;
	}
	return message->method.length ? 0 : -1;
}

/* Whether the line begins with that name and a colon; what is behind them, without blanks, is then `value`. */
static bool names(const struct sip_text *line, const char *name, size_t length, struct sip_text *value)
{
	size_t at = length;

	if (line->length <= length || strncasecmp(line->at, name, length)) {
		return false;
	}
	while (at < line->length && line->at[at] == ' ') {
		at++;
	}
	if (at == line->length || line->at[at] != ':') {
		return false;
	}
	at++;
	while (at < line->length && line->at[at] == ' ') {
		at++;
	}
	*value = (struct sip_text) {line->at + at, line->length - at};
	return true;
}

bool sip_message_header(const struct sip_message *message, const char *name, char brief, unsigned int nth,
	struct sip_text *value)
{
	struct sip_text rest = message->headers;

	while (rest.length) {
		struct sip_text line = take_line(&rest);

		if ((names(&line, name, strlen(name), value) || (brief && names(&line, &brief, 1, value))) && !nth--) {
			return true;
		}
	}
	return false;
}

void sip_draft_add(struct sip_draft *draft, const char *format, ...)
{
	size_t room = sizeof(draft->text) - draft->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(draft->text + draft->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t) length >= room) {
		draft->too_long = true;
	} else {
		draft->length += (size_t) length;
	}
}

static void repeat(struct sip_draft *draft, const struct sip_message *request, const char *name, char brief,
	const char *behind)
{
	struct sip_text value;

	if (sip_message_header(request, name, brief, 0, &value)) {
		sip_draft_add(draft, "%s: %.*s%s\r\n", name, (int) value.length, value.at, behind);
	}
}

void sip_draft_respond(struct sip_draft *draft, const struct sip_message *request, const char *status,
	const char *tag)
{
	struct sip_text value, to;
	char own_tag[64] = "";

	sip_draft_add(draft, VERSION " %s\r\n", status);
	for (unsigned int i = 0; sip_message_header(request, "Via", 'v', i, &value); i++) {
		sip_draft_add(draft, "Via: %.*s\r\n", (int) value.length, value.at);
	}
	if (sip_message_header(request, "To", 't', 0, &to) && !memmem(to.at, to.length, ";tag=", 5)) {
		snprintf(own_tag, sizeof(own_tag), ";tag=%s", tag);
	}
	repeat(draft, request, "From", 'f', "");
	repeat(draft, request, "To", 't', own_tag);
	repeat(draft, request, "Call-ID", 'i', "");
	repeat(draft, request, "CSeq", '\0', "");
}
