/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Texts from outside: URLs, proxies, names of formats, base64, placeholders, phrases, lines. The first byte says from
 * which allocation on memory is short.
 */
#include "audio_format.h"
#include "base64.h"
#include "bounds.h"
#include "dialplan_text.h"
#include "engine_memory.h"
#include "fuzz_bytes.h"
#include "phrases.h"
#include "placeholders.h"
#include "proxy.h"
#include "require.h"
#include "url.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_MAX 64

static void read_url(const char *text)
{
	struct aic_url url;
	char origin[512], small[8];
	char *more;

	require(aic_url_origin(text, origin, sizeof(origin)) == origin && strlen(origin) < sizeof(origin));
	require(aic_url_origin(text, small, sizeof(small)) == small && strlen(small) < sizeof(small));
	/* Neither what is before the host is shown, nor what comes behind it. */
	require(!strchr(origin, '@') && !strpbrk(origin, "?#"));
	if (aic_url_parse(text, &url)) {
		return;
	}
	require(url.host[0] && url.port);
	require(url.path >= text && url.path <= text + strlen(text));
	/* Nobody can add a line to the request by it. */
	for (const char *one = text; *one; one++) {
		require((unsigned char) *one > ' ' && *one != 0x7f);
	}
	if ((more = aic_url_with_query(text, "key", "a b&c=\r\n%"))) {
		require(!strpbrk(more, " \r\n") && strlen(more) > strlen(text));
		require(!aic_url_parse(more, &url));
		free(more);
	}
}

static void read_proxy(const char *text)
{
	struct aic_proxy proxy;

	if (!aic_proxy_parse(text, &proxy)) {
		require(proxy.url.host[0] && proxy.url.port && strlen(proxy.credentials) <= AIC_PROXY_CREDENTIALS_MAX);
	}
}

static void read_line(const char *text, size_t length)
{
	char line[LINE_MAX], *copy = own_copy(text, length + 1), *repaired;

	aic_utf8_line(line, sizeof(line), text);
	require(strlen(line) < sizeof(line) && aic_utf8_is_valid(line));
	require(aic_utf8_line_span(line, strlen(line)) == strlen(line));
	/* It may be done in place, and once is enough. */
	aic_utf8_line(copy, length + 1, copy);
	require(aic_utf8_line_span(copy, length) == strlen(copy) && strlen(copy) <= length);
	aic_dialplan_text(copy);
	require(aic_utf8_is_valid(copy) && !strpbrk(copy, "\"\\`$"));
	own_free(copy);
	require(aic_utf8_cut(text, LINE_MAX) <= LINE_MAX && aic_utf8_line_span(text, length) <= length);
	if ((repaired = aic_utf8_repair(text))) {
		require(aic_utf8_is_valid(repaired));
		require(!aic_utf8_is_valid(text) || !strcmp(repaired, text));
		free(repaired);
	}
}

static void fill(const char *text)
{
	const struct aic_variable variables[] = {{"name", "Ada {what}"}, {"what", text}, {"empty", ""}};
	char name[AIC_PLACEHOLDER_MAX], *filled;
	bool left = false;

	if ((filled = aic_placeholders_fill(text, variables, 3, &left))) {
		require(strlen(filled) <= AIC_FILLED_MAX || strlen(filled) <= strlen(text));
		free(filled);
	}
	for (const char *at = text; (at = aic_placeholder_next(at, name)); ) {
		require(name[0] && strlen(name) < sizeof(name));
	}
}

static void read_base64(const uint8_t *bytes, size_t length)
{
	char *text = own_memory(AIC_BASE64_LENGTH(length));
	size_t count = aic_base64_encode(bytes, length, text);
	uint8_t *decoded;

	require(count == AIC_BASE64_LENGTH(length));
	decoded = own_memory(AIC_BASE64_DECODED_MAX(count));
	require(aic_base64_decode(text, count, decoded) == (ssize_t) length && !memcmp(decoded, bytes, length));
	own_free(decoded);
	own_free(text);
	/* And what need not be any. */
	decoded = own_memory(AIC_BASE64_DECODED_MAX(length));
	require(aic_base64_decode((const char *) bytes, length, decoded) <= (ssize_t) AIC_BASE64_DECODED_MAX(length));
	own_free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};
	size_t before = engine_memory_now(), length, half;
	struct aic_audio_format format;
	char *text;

	engine_memory_begin(fuzz_byte(&bytes), UINT32_MAX);
	read_base64(bytes.at, bytes.left);
	text = own_text(bytes.at, bytes.left);
	length = strlen(text);
	read_url(text);
	read_proxy(text);
	read_line(text, length);
	fill(text);
	require(aic_format_parse(text, &format) || format.rate);
	/* The second half is a list, the first a text. */
	half = length / 2;
	aic_text_is_of_phrases(text, text + half);
	aic_text_is_of_phrases(text + half, text);
	own_free(text);
	require(engine_memory_now() == before);
	engine_memory_begin(0, 0);
	return 0;
}
