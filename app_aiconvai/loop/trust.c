/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The context is made here and not by libwebsockets, which keeps one for each file name however the file changes, and
 * goes on without authorities where a file cannot be read.
 */
#include "trust.h"

#include "request.h"
#include "tls_sessions.h"

#include <openssl/err.h>
#include <stdio.h>

static void describe_error(const char *what, const char *file, char *error, size_t error_size)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	snprintf(error, error_size, "%s%s%s: %s", what, file ? " " : "", file ? file : "", reason ? reason
		: "unknown reason");
	ERR_clear_error();
}

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *user)
{
	(void) buffer;
	(void) size;
	(void) writing;
	(void) user;
	return 0;
}

/* Returns 0, or -1 with one sentence in `error`. */
static int load_authorities(SSL_CTX *context, const char *ca_file, char *error, size_t error_size)
{
	int loaded = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
		: SSL_CTX_set_default_verify_paths(context);

	if (loaded != 1) {
		describe_error("cannot read the certificate authorities", ca_file, error, error_size);
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 with one sentence in `error`. */
static int load_certificate(SSL_CTX *context, const struct aic_tls_files *files, char *error, size_t error_size)
{
	const char *key_file = files->key ? files->key : files->certificate;

	if (!files->certificate) {
		return 0;
	}
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) {
		describe_error("cannot read the certificate", files->certificate, error, error_size);
		return -1;
	}
	/* Which looks whether it is that certificate's. */
	if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
		describe_error("cannot use the private key", key_file, error, error_size);
		return -1;
	}
	return 0;
}

SSL_CTX *aic_trust_new(struct aic_tls_sessions *sessions, const struct aic_tls_files *files, const char *name,
	char *error, size_t error_size)
{
	SSL_CTX *context;

	ERR_clear_error();
	if (!(context = SSL_CTX_new(TLS_client_method()))) {
		describe_error("TLS cannot be used", NULL, error, error_size);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (load_authorities(context, files->ca, error, error_size)
		|| load_certificate(context, files, error, error_size)) {
		SSL_CTX_free(context);
		return NULL;
	}
	if (aic_tls_sessions_keep(sessions, context, name)) {
		snprintf(error, error_size, "out of memory");
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

void aic_trust_free(SSL_CTX *context)
{
	if (context) {
		aic_tls_sessions_drop(context);
		SSL_CTX_free(context);
	}
}
