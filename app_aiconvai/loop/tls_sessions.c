/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * libwebsockets calls nobody between making a connection's SSL and beginning its handshake. OpenSSL does: it tells the
 * context's callback for information that a handshake begins, before it writes the first message.
 */
#include "tls_sessions.h"

#include "event_loop.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A session of TLS 1.3 serves once; services give one or two for each connection. */
#define SESSIONS_MAX 8

/*
 * A session, with a host. What connections have are copies: OpenSSL makes a session useless where its connection ends
 * without TLS's own farewell, as most do.
 */
struct kept {
	char *host; /* owned */
	SSL_SESSION *session; /* owned */
};

struct tls_sessions {
	struct kept kept[SESSIONS_MAX]; /* the oldest first */
	size_t count;
};

static void remove_at(struct tls_sessions *sessions, size_t at)
{
	free(sessions->kept[at].host);
	SSL_SESSION_free(sessions->kept[at].session);
	sessions->count--;
	memmove(&sessions->kept[at], &sessions->kept[at + 1], (sessions->count - at) * sizeof(sessions->kept[0]));
}

/*
 * What is kept with the context of a connection, and the host the connection is made to. Returns false where there is
 * no such.
 */
static bool find_sessions(const SSL *tls, struct tls_sessions **sessions, const char **host)
{
	*sessions = SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls));
	*host = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
	return *sessions && *host;
}

static int on_new_session(SSL *tls, SSL_SESSION *session)
{
	struct tls_sessions *sessions;
	struct kept kept;
	const char *host;

	if (!find_sessions(tls, &sessions, &host) || SSL_get_verify_result(tls) != X509_V_OK) {
		return 0;
	}
	kept = (struct kept) {strdup(host), SSL_SESSION_dup(session)};
	if (!kept.host || !kept.session) {
		free(kept.host);
		SSL_SESSION_free(kept.session);
		return 0;
	}
	if (sessions->count == SESSIONS_MAX) {
		remove_at(sessions, 0);
	}
	sessions->kept[sessions->count++] = kept;
	return 0;
}

/*
 * Whether the certificate in the connection's session would be accepted now, as in a full handshake: its host name, its
 * chain up to an authority, its dates.
 */
static bool is_acceptable(SSL *tls)
{
	X509 *certificate = SSL_get_peer_certificate(tls);
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool acceptable = false;

	if (certificate && check
		&& X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(SSL_get_SSL_CTX(tls)), certificate,
		SSL_get_peer_cert_chain(tls)) == 1) {
		X509_VERIFY_PARAM *how = X509_STORE_CTX_get0_param(check);

		X509_VERIFY_PARAM_set_auth_level(how, SSL_get_security_level(tls));
		acceptable = X509_STORE_CTX_set_default(check, "ssl_server") == 1
			&& X509_VERIFY_PARAM_set1(how, SSL_get0_param(tls)) == 1 && X509_verify_cert(check) == 1;
	}
	X509_STORE_CTX_free(check);
	X509_free(certificate);
	return acceptable;
}

/* Has a connection that begins offer a session, where that can be done in good faith. */
static bool offer(SSL *tls, SSL_SESSION *session)
{
	SSL_SESSION *copy = SSL_SESSION_dup(session);
	bool offered = copy && SSL_set_session(tls, copy) == 1;

	SSL_SESSION_free(copy);
	if (offered && !is_acceptable(tls)) {
		SSL_set_session(tls, NULL);
		offered = false;
	}
	return offered;
}

/* Has it offer the newest session with its host. */
static void offer_session(SSL *tls)
{
	struct tls_sessions *sessions;
	const char *host;

	if (!find_sessions(tls, &sessions, &host)) {
		return;
	}
	for (size_t at = sessions->count; at--;) {
		SSL_SESSION *session = sessions->kept[at].session;
		bool offered;

		if (strcasecmp(sessions->kept[at].host, host)) {
			continue;
		}
		offered = offer(tls, session);
		/* RFC 8446 appendix C.4: whoever sees a ticket twice knows that it is the same client. */
		if (!offered || SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
			remove_at(sessions, at);
		}
		if (offered) {
			return;
		}
	}
}

static void on_info(const SSL *tls, int where, int value)
{
	(void) value;
	/* A connection may make several handshakes; its first is what is meant here. */
	if (where != SSL_CB_HANDSHAKE_START || SSL_get_app_data(tls)) {
		return;
	}
	SSL_set_app_data((SSL *) tls, (void *) (uintptr_t) aic_now_us());
	/* An error left in the queue would be taken for one of the handshake. */
	ERR_set_mark();
	offer_session((SSL *) tls);
	ERR_pop_to_mark();
}

int aic_tls_sessions_keep(SSL_CTX *context)
{
	struct tls_sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions) {
		return -1;
	}
	SSL_CTX_set_app_data(context, sessions);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_new_session);
	SSL_CTX_set_info_callback(context, on_info);
	return 0;
}

void aic_tls_sessions_drop(SSL_CTX *context)
{
	struct tls_sessions *sessions = SSL_CTX_get_app_data(context);

	SSL_CTX_set_app_data(context, NULL);
	while (sessions && sessions->count) {
		remove_at(sessions, sessions->count - 1);
	}
	free(sessions);
}

void aic_tls_sessions_forget(const SSL *tls)
{
	struct tls_sessions *sessions;
	const char *host;

	if (!find_sessions(tls, &sessions, &host)) {
		return;
	}
	for (size_t at = sessions->count; at--;) {
		if (!strcasecmp(sessions->kept[at].host, host)) {
			remove_at(sessions, at);
		}
	}
}

uint64_t aic_tls_handshake_us(const SSL *tls)
{
	/* A pointer may be narrower than a time; a handshake is short enough for its differences. */
	return (uintptr_t) aic_now_us() - (uintptr_t) SSL_get_app_data(tls);
}
