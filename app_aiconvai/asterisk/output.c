/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/cli.h"
#include "asterisk/logger.h"
#include "asterisk/manager.h"

#include "output.h"
#include "utf8.h"

/* Longer than any line that is not made long on purpose. */
#define LINE_MAX_BYTES 1536

static void __attribute__((format(printf, 2, 0))) write_line(char *line, const char *format, va_list arguments)
{
	vsnprintf(line, LINE_MAX_BYTES, format, arguments);
	aic_utf8_line(line, LINE_MAX_BYTES, line);
}

void log_line(int level, const char *file, int line, const char *function, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list arguments;

	va_start(arguments, format);
	write_line(text, format, arguments);
	va_end(arguments);
	ast_log(level, file, line, function, "%s\n", text);
}

void cli_line(int fd, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list arguments;

	va_start(arguments, format);
	write_line(text, format, arguments);
	va_end(arguments);
	ast_cli(fd, "%s\n", text);
}

void manager_line(struct mansession *s, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list arguments;

	va_start(arguments, format);
	write_line(text, format, arguments);
	va_end(arguments);
	astman_append(s, "%s\r\n", text);
}

void manager_events(struct mansession *s, const char *events)
{
	astman_append(s, "%s", events);
}
