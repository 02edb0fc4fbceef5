/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A key in a file of its own: `api_key = file:/run/secrets/key`. It is read with the configuration, and again with each
 * reload of it.
 */
#ifndef AIC_SECRET_FILE_H
#define AIC_SECRET_FILE_H

#include <stddef.h>

#define SECRET_FILE_PREFIX "file:"

/* Longest first line; what is longer is no key. */
#define SECRET_FILE_MAX 4096

/*
 * The first line of the file that `value` names, without blanks at its ends; ast_free() it. A path that does not begin
 * with / is in Asterisk's configuration directory. NULL: it cannot be read, and `problem` says why.
 */
char *secret_file_read(const char *value, char *problem, size_t size);

#endif
