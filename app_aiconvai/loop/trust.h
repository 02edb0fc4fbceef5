/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Whom a TLS connection trusts, and by what it is known.
 */
#ifndef AIC_TRUST_H
#define AIC_TRUST_H

#include <openssl/ssl.h>
#include <stddef.h>

struct aic_tls_files;
struct aic_tls_sessions;

/*
 * A TLS client context that trusts the certificate authorities of `files` and no others, shows the certificate of
 * `files` where it is asked for one, asks for TLS 1.2 or newer, always verifies, and resumes sessions that others with
 * the same `name` made (tls_sessions.h). NULL with one sentence in `error` where it cannot be made.
 */
SSL_CTX *aic_trust_new(struct aic_tls_sessions *sessions, const struct aic_tls_files *files, const char *name,
	char *error, size_t error_size);

/* No connection may be left. */
void aic_trust_free(SSL_CTX *context);

#endif
