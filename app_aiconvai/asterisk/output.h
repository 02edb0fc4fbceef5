/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What this module writes to the log, to the CLI and to a manager's session: lines. Names of channels, numbers of
 * callers, arguments of the dialplan and what services say end up in them, so that all of it goes through one filter
 * (aic_utf8_line()): what a line is made of neither begins another one nor drives a terminal. Nothing else here writes
 * there. What is too long is cut. Any thread.
 */
#ifndef AIC_OUTPUT_H
#define AIC_OUTPUT_H

struct mansession;

/* To the log: log_line(LOG_WARNING, ...), where LOG_WARNING is all of the first four arguments. */
void log_line(int level, const char *file, int line, const char *function, const char *format,
	...) __attribute__((format(printf, 5, 6)));

/* To whoever gave a command. */
void cli_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One header of the answer to a manager's action: "Name: value". */
void manager_line(struct mansession *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whole events, of any length, whose headers were filtered when they were told first. */
void manager_events(struct mansession *s, const char *events);

#endif
