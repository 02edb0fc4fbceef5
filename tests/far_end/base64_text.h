/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Checks base64 (RFC 4648 section 4, padded) where only its length is wanted. Not the engine's: that is under test.
 */
#ifndef FAR_END_BASE64_TEXT_H
#define FAR_END_BASE64_TEXT_H

#include <stddef.h>
#include <sys/types.h>

/* The bytes that `length` characters stand for, or -1 if they are not base64. */
ssize_t base64_text_bytes(const char *text, size_t length);

#endif
